"""Sample contexts for the letters' tests: the shipped case texts with plausible data around them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from urgentaction.letters.content import (
    Addressee,
    AlertView,
    Audience,
    CaseView,
    CcEntry,
    CountriesView,
    LetterContext,
    MarkdownText,
    NoticeContext,
    Organisation,
    PersonView,
    Signatory,
    SmsContext,
    UpdateView,
)
from urgentaction.letters.sections import parse_sections, sections_for

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "templates"
LANGUAGES = ("en", "ko")

ORGANISATION = {
    "en": Organisation(
        name="Safe Passage Watch",
        about=MarkdownText(
            "Safe Passage Watch is an independent, non-governmental organisation. We document what happens to refugees "
            "who are stopped, detained or sent back, in North-East Asia and elsewhere, and we speak up for them with "
            "the governments that can help."
        ),
        postal_address=("12 Example Street", "London N1 0XX", "United Kingdom"),
        phone="+44 20 7946 0100",
        fax="+44 20 7946 0101",
        email="urgent@safepassage.example",
        website="https://safepassage.example",
    ),
    "ko": Organisation(
        name="세이프 패시지 워치",
        about=MarkdownText(
            "세이프 패시지 워치는 독립적인 비정부기구로서, 동북아시아를 비롯한 여러 지역에서 난민이 억류되거나 "
            "강제로 송환되는 실태를 기록하고, 도움을 줄 수 있는 각국 정부에 이들을 대신하여 목소리를 내고 있습니다."
        ),
        postal_address=("12 Example Street", "London N1 0XX", "United Kingdom"),
        phone="+44 20 7946 0100",
        fax="+44 20 7946 0101",
        email="urgent@safepassage.example",
        website="https://safepassage.example",
    ),
}
SIGNATORY = {
    "en": Signatory(name="Brad Adams", title="Executive Director", division="Asia Division"),
    "ko": Signatory(name="브래드 애덤스", title="아시아 지부장"),
}
ADDRESSEE = {
    "en": Addressee(
        name="Park Geun-hye",
        office="President of the Republic of Korea",
        salutation="Dear President Park",
        postal_address=("1 Cheongwadae-ro, Jongno-gu", "Seoul 03048", "Republic of Korea"),
        printed_fax="+82 2-770-4721",
        printed_email="President@president.go.kr",
    ),
    "ko": Addressee(
        name="박근혜",
        office="대한민국 대통령",
        honorific="귀하",
        salutation="존경하는 박근혜 대통령님께",
        postal_address=("서울특별시 종로구 청와대로 1", "우편번호 03048"),
        printed_fax="+82 2-770-4721",
        printed_email="President@president.go.kr",
    ),
}
CC = {
    "en": (
        CcEntry(name="Yun Byung-se", office="Minister of Foreign Affairs"),
        CcEntry(name="Hong Yong-pyo", office="Minister of Unification"),
        CcEntry(name="Kim Jang-soo", office="Ambassador of the Republic of Korea in Beijing"),
        CcEntry(name="Lee Sung-ho", office="Chairperson, National Human Rights Commission"),
    ),
    "ko": (
        CcEntry(name="윤병세", office="외교부 장관"),
        CcEntry(name="홍용표", office="통일부 장관"),
        CcEntry(name="김장수", office="주중국 대한민국 대사"),
        CcEntry(name="이성호", office="국가인권위원회 위원장"),
    ),
}
#: Status, its label in English and Korean, place, as of: the course of the first sample case.
COURSE = {
    "detained": ("detained", "구금", "Dongxing", date(2015, 10, 24)),
    "transferred": ("transferred", "이송", "Shenyang", date(2015, 11, 10)),
    "return_imminent": ("return imminent", "강제송환 임박", "Tumen", date(2015, 11, 24)),
    "fate_unknown": ("fate unknown", "행방 불명", "", date(2015, 12, 2)),
}
#: Sections that the first case has not got, for the kinds of letter that its course never asked for.
INVENTED = {
    "en": {
        "outcome": "On 5 December all nine left China on their way to a country that will receive them.",
        "latest": "On 5 December the nine were handed over at the border.",
        "demands": "We urge you to\n\n- let observers see them;\n- let them go.",
    },
    "ko": {
        "outcome": "아홉 사람은 12월 5일 자신들을 받아 줄 나라로 가기 위하여 중국을 떠났습니다.",
        "latest": "아홉 사람은 12월 5일 국경에서 넘겨졌습니다.",
        "demands": "이에 다음과 같이 요청드립니다.\n\n- 참관인의 면담을 허용해 주십시오.\n- 이들을 보내 주십시오.",
    },
}


def case_texts(language: str, status: str, reference: str = "UA-2015-0117") -> dict[str, MarkdownText]:
    """The shipped texts for a status."""
    path = ROOT / "samples" / "cases" / reference / "texts" / f"{language}.md"
    return sections_for(parse_sections(path.read_text(encoding="utf-8")), status)


def case_view(language: str, status: str, *, with_invented: bool = False) -> CaseView:
    """The first sample case at a status."""
    texts = case_texts(language, status)
    if with_invented:
        texts = {name: MarkdownText(text) for name, text in INVENTED[language].items()} | texts
    return CaseView(
        reference="UA-2015-0117",
        title=texts["title"],
        public_title=texts["public_title"],
        re_line=texts["re_line"],
        texts=texts,
        group_size=9,
        countries=CountriesView(custodian="China", origin="North Korea", intercessor="Republic of Korea"),
        background_url="https://safepassage.example/cases/ua-2015-0117",
    )


def letter_context(language: str, status: str = "return_imminent", *, with_invented: bool = False) -> LetterContext:
    """A letter to the President at one point of the first case's course."""
    label_en, label_ko, place, as_of = COURSE.get(status, (status, status, "", date(2015, 12, 5)))
    return LetterContext(
        language=language,
        audience=Audience.GOVERNMENT,
        organisation=ORGANISATION[language],
        signatory=SIGNATORY[language],
        addressee=ADDRESSEE[language],
        case=case_view(language, status, with_invented=with_invented),
        update=UpdateView(
            status=status,
            status_label=label_ko if language == "ko" else label_en,
            place=place,
            as_of=as_of,
            confidence="confirmed",
        ),
        alert=AlertView(
            kind="first_appeal",
            level=1,
            number="UA 117/15",
            dated_on=as_of,
            deadline=date(2015, 12, 1) if status == "return_imminent" else None,
            previous_dated_on=None if status == "detained" else date(2015, 10, 24),
        ),
        persons=(PersonView(name="a child", is_minor=True, age_text="eleven months"),),
        cc=CC[language],
    )


def notice_context(language: str, status: str = "return_imminent", *, with_invented: bool = False) -> NoticeContext:
    """The notice that goes with that letter."""
    letter = letter_context(language, status, with_invented=with_invented)
    return NoticeContext(
        language=language,
        organisation=letter.organisation,
        case=letter.case,
        update=letter.update,
        alert=letter.alert,
        action_url="https://safepassage.example/a/117",
    )


def sms_context(language: str) -> SmsContext:
    """The text message that goes with that letter."""
    letter = letter_context(language)
    return SmsContext(
        language=language,
        organisation_name=letter.organisation.name,
        alert=letter.alert,
        link="https://safepassage.example/a/117",
    )


def named(context: LetterContext, name: str) -> LetterContext:
    """The same letter to somebody of that name."""
    return replace(context, addressee=replace(context.addressee, name=name))
