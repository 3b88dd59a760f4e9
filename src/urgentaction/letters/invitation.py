"""The mails that ask somebody in: to become a member of staff, or to choose a new password. Plain text and one link.

Pure. What is in them must be harmless in the mailbox of somebody who never heard of us.
"""

from __future__ import annotations

from collections.abc import Mapping

from .one_link import LinkMail, LinkWords, link_mail

_INVITED: Mapping[str, LinkWords] = {
    "en": LinkWords(
        subject="Your invitation to the urgent action console",
        asked="{organisation} invites you to work with its urgent action console.",
        press="Open this link to choose a name and a password. It works once, until {until} (UTC):",
        otherwise="If you don't know what this is about, do nothing. Don't pass the link on: it works for anybody.",
    ),
    "ko": LinkWords(
        subject="긴급행동 관리 화면으로 초대합니다",
        asked="{organisation}에서 긴급행동 관리 화면을 함께 쓰도록 초대합니다.",
        press="아래 링크를 열어 이름과 비밀번호를 정해 주십시오. 링크는 한 번만, {until}(UTC)까지 쓸 수 있습니다.",
        otherwise="모르는 일이라면 그대로 두셔도 됩니다. 링크는 누구나 쓸 수 있으니 남에게 전하지 마십시오.",
    ),
}
_NEW_PASSWORD: Mapping[str, LinkWords] = {
    "en": LinkWords(
        subject="A new password for the urgent action console",
        asked="An administrator of {organisation} sends you this link, so that you can choose a new password.",
        press="Open it and choose one. It works once, until {until} (UTC):",
        otherwise="If you didn't ask for it, tell your administrator. Your password works until you choose another.",
    ),
    "ko": LinkWords(
        subject="긴급행동 관리 화면의 새 비밀번호",
        asked="{organisation}의 관리자가 새 비밀번호를 정할 수 있는 링크를 보내 드립니다.",
        press="링크를 열어 새 비밀번호를 정해 주십시오. 링크는 한 번만, {until}(UTC)까지 쓸 수 있습니다.",
        otherwise="요청하지 않으셨다면 관리자에게 알려 주십시오. 새로 정할 때까지는 쓰던 비밀번호가 유효합니다.",
    ),
}


def invitation_mail(language: str, *, organisation: str, link: str, until: str, is_for_password: bool) -> LinkMail:
    """The mail in a language, or in English where it has no words yet.

    Args:
        until: when the link ends, as it is to be read (UTC).
    """
    texts = _NEW_PASSWORD if is_for_password else _INVITED
    words = texts.get(language, texts["en"])
    return link_mail(words, organisation=organisation, link=link, until=until)
