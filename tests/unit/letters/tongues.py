# ruff: noqa: E501 - a line of prose; East Asian characters are counted twice
"""An invented letter in each language: every kind of block, names of the neighbours, numbers, addresses, enclosures."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.unit.letters.contexts import ORGANISATION
from tests.unit.letters.contexts import letter_context as shipped_context
from urgentaction.letters.content import Addressee, CcEntry, LetterContext, Signatory
from urgentaction.letters.render import RenderedLetter, render_letter
from urgentaction.letters.source import TemplateSource

ALL = ("ar", "en", "es", "fr", "ja", "ko", "ru", "zh-Hans")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the letter is made of in one language."""

    organisation: str
    name: str
    office: str
    salutation: str
    address: tuple[str, ...]
    re: str
    closing: str
    signatory: tuple[str, str]
    cc: tuple[tuple[str, str], ...]
    enclosures: tuple[str, ...]
    paragraph: str
    heading: str
    lead: str
    items: tuple[str, ...]
    quote: str
    last: str


WORDS = {
    "en": Words(
        organisation="Safe Passage Watch",
        name="Anneliese Featherstonehaugh-Constantinopoulos",
        office="Minister of Foreign Affairs and International Cooperation",
        salutation="Dear Minister",
        address=("9 Example Square", "Capital City"),
        re="Two people taken from a house by the river (金英姬 and 박지수)",
        closing="Yours sincerely",
        signatory=("Ruth Example", "Director"),
        cc=(("Li Example", "Ambassador in Beijing"), ("Omar Example", "Ministry of Justice")),
        enclosures=("Timeline of events", "Copy of the letter of 3 June"),
        paragraph=(
            "The **two** were taken on the night of 24 November 2015; their families wrote of it under the title "
            "*A House by the River* (河边的房子, “강가의 집”). They can be asked for at +44 20 7946 0100 or on "
            "<https://safepassage.example/cases/two-people>, case UA-2026-0001."
        ),
        heading="What the **law** asks",
        lead="We urge you to",
        items=("say where they are held;", "let a lawyer and a doctor see them, **today**."),
        quote="No one shall be sent back to a place where torture awaits them.",
        last="We would be grateful for an answer.",
    ),
    "ko": Words(
        organisation="세이프 패시지 워치",
        name="홍길동",
        office="외교부 장관",
        salutation="존경하는 장관님께",
        address=("서울특별시 예시구 보기로 9",),
        re="강가의 집에서 끌려간 두 사람 (金英姬, Anna Example)",
        closing="삼가 올립니다",
        signatory=("루스 예시", "사무총장"),
        cc=(("이보기", "법무부 장관"), ("김예시", "주중국 대한민국 대사")),
        enclosures=("사건 경과", "6월 3일 자 서한 사본"),
        paragraph=(
            "**두 사람**은 2015년 11월 24일 밤 끌려갔습니다. 가족들은 *강가의 집*(A House by the River, 河边的房子)이라는 제목으로 "
            "그 일을 적었습니다. 문의는 +44 20 7946 0100 또는 <https://safepassage.example/cases/two-people>, 사건 번호 UA-2026-0001로 "
            "해 주시기 바랍니다."
        ),
        heading="**국제법**이 요구하는 것",
        lead="다음과 같이 요청드립니다.",
        items=("두 사람이 있는 곳을 밝혀 주십시오.", "변호사와 의사가 **오늘** 만나게 해 주십시오."),
        quote="누구도 고문이 기다리는 곳으로 돌려보내져서는 아니 된다.",
        last="회신해 주시면 감사하겠습니다.",
    ),
    "fr": Words(
        organisation="Safe Passage Watch",
        name="Éléonore de la Bruyère-Exemple",
        office="Ministre de l’Europe et des Affaires étrangères",
        salutation="Madame la Ministre",
        address=("9, place de l’Exemple", "Ville-Capitale"),
        re="Deux personnes enlevées dans une maison au bord du fleuve (金英姬 et 박지수)",
        closing="Je vous prie d’agréer, Madame la Ministre, l’expression de ma très haute considération.",
        signatory=("Ruth Exemple", "Directrice"),
        cc=(("Li Exemple", "ambassadeur à Pékin"), ("Omar Exemple", "ministère de la Justice")),
        enclosures=("Chronologie des faits", "Copie de la lettre du 3 juin"),
        paragraph=(
            "Les **deux personnes** ont été enlevées dans la nuit du 24 novembre 2015 ; leurs familles l’ont raconté sous "
            "le titre *A House by the River* (河边的房子). On peut nous joindre au +44 20 7946 0100 ou sur "
            "<https://safepassage.example/cases/two-people>, dossier UA-2026-0001."
        ),
        heading="Ce que le **droit** exige",
        lead="Nous vous demandons instamment",
        items=("de dire où elles sont détenues ;", "de les laisser voir un avocat et un médecin, **aujourd’hui**."),
        quote="Nul ne sera renvoyé là où la torture l’attend.",
        last="Nous vous saurions gré d’une réponse.",
    ),
    "es": Words(
        organisation="Safe Passage Watch",
        name="María de los Ángeles Ejemplo y Muñoz",
        office="Ministra de Relaciones Exteriores",
        salutation="Excelentísima señora",
        address=("Plaza del Ejemplo, 9", "Ciudad Capital"),
        re="Dos personas sacadas de una casa junto al río (金英姬 y 박지수)",
        closing="Le saluda atentamente",
        signatory=("Ruth Ejemplo", "Directora"),
        cc=(("Li Ejemplo", "embajador en Pekín"), ("Omar Ejemplo", "Ministerio de Justicia")),
        enclosures=("Cronología de los hechos", "Copia de la carta del 3 de junio"),
        paragraph=(
            "Las **dos personas** fueron sacadas de la casa la noche del 24 de noviembre de 2015; sus familias lo contaron "
            "con el título *A House by the River* (河边的房子). Pueden llamarnos al +44 20 7946 0100 o leer más en "
            "<https://safepassage.example/cases/two-people>, caso UA-2026-0001. ¿Dónde están?"
        ),
        heading="Lo que exige el **derecho**",
        lead="Le pedimos con urgencia que",
        items=("diga dónde están recluidas;", "permita que hoy las vean un abogado y **un médico**."),
        quote="Nadie será devuelto a un lugar donde le espera la tortura.",
        last="Agradeceríamos su respuesta.",
    ),
    "ru": Words(
        organisation="Safe Passage Watch",
        name="Елизавета Примерова-Воскресенская",
        office="Министр иностранных дел",
        salutation="Ваше Превосходительство",
        address=("Примерная площадь, 9", "Столица"),
        re="Двое людей, уведённых из дома у реки (金英姬 и 박지수)",
        closing="С глубоким уважением",
        signatory=("Рут Примерова", "директор"),
        cc=(("Ли Примеров", "посол в Пекине"), ("Омар Примеров", "Министерство юстиции")),
        enclosures=("Хронология событий", "Копия письма от 3 июня"),
        paragraph=(
            "**Двоих** увели в ночь на 24 ноября 2015 года; их семьи рассказали об этом под названием *A House by the "
            "River* (河边的房子). С нами можно связаться по телефону +44 20 7946 0100 или на странице "
            "<https://safepassage.example/cases/two-people>, дело № UA-2026-0001."
        ),
        heading="Чего требует **право**",
        lead="Мы настоятельно просим Вас",
        items=("сообщить, где их содержат;", "допустить к ним адвоката и врача **сегодня же**."),
        quote="Никто не должен быть возвращён туда, где его ждут пытки.",
        last="Будем признательны за ответ.",
    ),
    "zh-Hans": Words(
        organisation="平安之路观察",
        name="李明",
        office="外交部部长",
        salutation="尊敬的部长先生",
        address=("首都市示例区示例路9号",),
        re="两人在河边的房屋中被带走（박지수与Anna Example）",
        closing="此致敬礼",
        signatory=("示例·鲁思", "主任"),
        cc=(("张示例", "司法部部长"), ("王示例", "驻韩国大使")),
        enclosures=("事件经过", "6月3日信函副本"),
        paragraph=(
            "2015年11月24日夜间，**两人**被人从河边的房屋带走，此后再也没有人见过他们。家属以“*河边的房子*”（A House by the River，"
            "강가의 집）为题记述了此事……如需联系，请致电+44 20 7946 0100，或访问<https://safepassage.example/cases/two-people>，"
            "案件编号UA-2026-0001。直骨角述返"
        ),
        heading="**法律**的要求",
        lead="我们敦促贵部：",
        items=("说明他们的关押地点；", "允许律师和医生**今天**见到他们。"),
        quote="任何人不得被送回将遭受酷刑的地方。",
        last="盼复为感。",
    ),
    "ja": Words(
        organisation="セーフ・パッセージ・ウォッチ",
        name="見本太郎",
        office="外務大臣",
        salutation="謹啓",
        address=("見本県見本市見本町9番地",),
        re="川辺の家から連れ去られた二人（박지수、Anna Example）",
        closing="謹白",
        signatory=("ルース・エグザンプル", "事務局長"),
        cc=(("例示花子", "法務大臣"), ("見本次郎", "駐中国大使")),
        enclosures=("経過一覧", "6月3日付書簡の写し"),
        paragraph=(
            "2015年11月24日の夜、**二人**は川辺の家から連れ去られ、その後だれも姿を見ていません。家族は『*川辺の家*』（A House by "
            "the River、강가의 집）という題でそのことを書きました。お問い合わせは+44 20 7946 0100または"
            "<https://safepassage.example/cases/two-people>（事案番号UA-2026-0001）までお願いいたします。直骨角述返"
        ),
        heading="**国際法**が求めること",
        lead="次のことを強く求めます。",
        items=("二人の居場所を明らかにすること。", "弁護士と医師に**本日**面会させること。"),
        quote="何人も、拷問が待つ場所へ送り返されてはならない。",
        last="ご返答を賜れましたら幸いです。",
    ),
    "ar": Words(
        organisation="مرصد الممر الآمن",
        name="عبد الرحمن بن عبد العزيز المثالي",
        office="وزير الخارجية",
        salutation="معالي الوزير",
        address=("شارع المثال 9", "العاصمة"),
        re="شخصان اقتيدا من منزل على ضفة النهر (Anna Example)",
        closing="وتفضلوا بقبول فائق الاحترام",
        signatory=("روث مثال", "المديرة التنفيذية"),
        cc=(("لي مثال", "السفير في بكين"), ("عمر مثال", "وزارة العدل")),
        enclosures=("تسلسل الأحداث", "نسخة من رسالة 3 يونيو"),
        paragraph=(
            "اقتيد **الشخصان** ليلة 24 نوفمبر 2015 ولم يرهما أحد منذ ذلك الحين. وكتبت الأسرتان عن ذلك تحت عنوان *منزل على "
            "النهر* (A House by the River). ويمكن الاتصال بنا على الرقم +44 20 7946 0100 أو عبر "
            "<https://safepassage.example/cases/two-people>، القضية UA-2026-0001، وقد أبلغنا UNHCR بذلك."
        ),
        heading="ما يقتضيه **القانون**",
        lead="ونناشدكم",
        items=("إعلان مكان احتجازهما؛", "السماح لمحامٍ وطبيب برؤيتهما **اليوم**."),
        quote="لا يجوز إعادة أحد إلى مكان ينتظره فيه التعذيب.",
        last="وسنكون ممتنين لتلقي ردكم.",
    ),
}


def context(language: str) -> LetterContext:
    """Whom the invented letter is from and to."""
    words = WORDS[language]
    base = shipped_context("en")
    return replace(
        base,
        language=language,
        organisation=replace(ORGANISATION["en"], name=words.organisation),
        signatory=Signatory(name=words.signatory[0], title=words.signatory[1]),
        addressee=Addressee(
            name=words.name,
            office=words.office,
            salutation=words.salutation,
            postal_address=words.address,
            printed_fax="+82 2-770-4721",
            printed_email="minister@office.example",
        ),
        cc=tuple(CcEntry(name=name, office=office) for name, office in words.cc),
        enclosures=words.enclosures,
    )


def source(language: str, *, paragraphs: int = 1) -> TemplateSource:
    """Its template; `paragraphs` says how often the paragraph comes."""
    words = WORDS[language]
    body = [words.paragraph] * paragraphs
    body += [f"## {words.heading}", words.lead, "\n".join(f"- {item}" for item in words.items)]
    body += [f"> {words.quote}", "\n".join(f"{at}. {item}" for at, item in enumerate(words.items, 1)), words.last]
    front = f'+++\nre = "{words.re}"\nclosing = "{words.closing}"\n+++\n'
    return TemplateSource(f"letters/invented/{language}.md", language, front + "\n\n".join(body) + "\n")


def letter(language: str, *, paragraphs: int = 1) -> tuple[RenderedLetter, LetterContext]:
    """The invented letter, rendered."""
    about = context(language)
    return render_letter(source(language, paragraphs=paragraphs), about), about
