"""The mail that asks whether somebody really signed up: its words by language. Plain text, one link, nobody's name.

Pure. What is in it must be harmless in the mailbox of somebody who never heard of us.
"""

from __future__ import annotations

from collections.abc import Mapping

from .one_link import LinkMail, LinkWords, link_mail

_WORDS: Mapping[str, LinkWords] = {
    "en": LinkWords(
        subject="Please confirm: urgent actions by email",
        asked="Somebody, we hope you, asked {organisation} to send urgent actions to this address.",
        press="If it was you, open this link within three days and press the button there:",
        otherwise="If it wasn't you, do nothing. Nothing about you is kept, and we will not write again.",
    ),
    "ko": LinkWords(
        subject="확인해 주십시오: 긴급행동 소식 받기",
        asked="{organisation}에 이 주소로 긴급행동 소식을 보내 달라는 신청이 있었습니다.",
        press="직접 신청하셨다면, 사흘 안에 아래 링크를 열어 단추를 눌러 주십시오.",
        otherwise="신청하지 않으셨다면 아무것도 하지 않으셔도 됩니다. 정보는 남지 않으며, 다시 메일을 보내지 않습니다.",
    ),
    "fr": LinkWords(
        subject="Merci de confirmer : actions urgentes par courriel",
        asked="Quelqu'un, vous-même nous l'espérons, a demandé à {organisation} d'envoyer des actions urgentes ici.",
        press="Si c'était vous, ouvrez ce lien dans les trois jours et appuyez sur le bouton :",
        otherwise="Si ce n'était pas vous, ne faites rien. Rien n'est conservé à votre sujet, et nous n'écrirons plus.",
    ),
    "es": LinkWords(
        subject="Confirme, por favor: acciones urgentes por correo",
        asked="Alguien, esperamos que usted, pidió a {organisation} que enviara acciones urgentes a esta dirección.",
        press="Si fue usted, abra este enlace en un plazo de tres días y pulse el botón:",
        otherwise="Si no fue usted, no haga nada. No guardamos nada sobre usted y no volveremos a escribir.",
    ),
    "ru": LinkWords(
        subject="Подтвердите, пожалуйста: срочные акции по почте",
        asked="Кто-то — надеемся, что вы, — попросил «{organisation}» присылать на этот адрес срочные акции.",
        press="Если это были вы, откройте в течение трёх дней эту ссылку и нажмите кнопку:",
        otherwise="Если нет, ничего не делайте. О вас ничего не хранится, и больше мы не напишем.",
    ),
    "zh-Hans": LinkWords(
        subject="请确认：订阅紧急行动邮件",
        asked="有人（希望是您本人）请{organisation}向这个地址发送紧急行动信息。",
        press="如果是您本人，请在三天内打开此链接并按下按钮：",
        otherwise="如果不是，您什么也不必做。我们不会保留您的任何信息，也不会再写信。",
    ),
    "ja": LinkWords(
        subject="ご確認ください：緊急行動のお知らせ",
        asked="{organisation}の緊急行動のお知らせを、このアドレスに送るお申し込みがありました。",
        press="ご本人のお申し込みでしたら、三日以内にこのリンクを開いてボタンを押してください。",
        otherwise="お心当たりがなければ、何もなさる必要はありません。情報は残らず、再びお送りすることもありません。",
    ),
    "ar": LinkWords(
        subject="يُرجى التأكيد: التحركات العاجلة بالبريد",
        asked="طلب أحدهم، ونأمل أن يكون أنت، من {organisation} إرسال التحركات العاجلة إلى هذا العنوان.",
        press="إن كنت أنت من طلب ذلك، فافتح هذا الرابط خلال ثلاثة أيام واضغط الزر:",
        otherwise="وإن لم تكن أنت، فلا تفعل شيئاً. لا نحتفظ بأي شيء عنك، ولن نكتب مجدداً.",
    ),
}


def confirmation_mail(language: str, *, organisation: str, link: str) -> LinkMail:
    """The mail in a language, or in English where it has no words yet."""
    words = _WORDS.get(language, _WORDS["en"])
    return link_mail(words, organisation=organisation, link=link)
