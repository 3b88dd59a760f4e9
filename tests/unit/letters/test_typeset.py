"""The letter on paper: its parts, pages and faces. For the archive see test_archive.py, for fax test_fax_page.py."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import ImageOps

from tests.unit.letters import tongues
from tests.unit.letters.contexts import LANGUAGES, TEMPLATES, letter_context, named
from urgentaction.core.errors import ConfigurationError, TemplateError
from urgentaction.letters.content import CcEntry, LetterContext
from urgentaction.letters.render import RenderedLetter, render_letter
from urgentaction.letters.source import Family, TemplateSource, load_shipped
from urgentaction.letters.typeset import FaxHeader, Typesetter, pdf_sha256

HEADER = FaxHeader(sent_on=date(2015, 11, 25), sender_number="+44 20 7946 0101", to_number="+82 2-770-4721")


@pytest.fixture(scope="module")
def typesetter() -> Typesetter:
    return Typesetter(TEMPLATES / "typst")


def letter(language: str) -> tuple[RenderedLetter, LetterContext]:
    context = letter_context(language)
    return render_letter(
        load_shipped(Family.LETTERS, "further_information", language, root=TEMPLATES), context
    ), context


def pages(pdf: bytes) -> Iterator[str]:
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        yield page.get_textpage().get_text_range().replace("\r\n", "\n").replace("\ufffe", "")
    document.close()


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(pages(pdf)).split())


def test_the_letter_reads_in_order(typesetter: Typesetter) -> None:
    text = text_of(typesetter.letter_pdf(*letter("en")))
    parts = [
        "Safe Passage Watch",
        "24 November 2015",
        "Park Geun-hye President of the Republic of Korea 1 Cheongwadae-ro, Jongno-gu Seoul 03048",
        "Fax: +82 2-770-4721 Email: President@president.go.kr",
        "Re: Nine North Korean refugees",
        "Dear President Park,",
        "We urge you to",
        "Yours sincerely,",
        "Brad Adams Executive Director, Asia Division Safe Passage Watch",
        "CC: Yun Byung-se, Minister of Foreign Affairs",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_glyph_is_missing_and_all_words_are_there(typesetter: Typesetter, language: str) -> None:
    rendered, context = letter(language)
    squeezed = "".join(text_of(typesetter.letter_pdf(rendered, context)).split()).replace("-", "")
    assert "\ufffd" not in squeezed
    assert "\0" not in squeezed
    for word in rendered.body_markdown.replace("*", "").replace("<", "").replace(">", "").replace("-", "").split():
        assert word in squeezed


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_numbered_and_carry_the_reference(typesetter: Typesetter, language: str) -> None:
    numbered = list(pages(typesetter.letter_pdf(*letter(language))))
    assert len(numbered) == 2
    for number, text in enumerate(numbered, start=1):
        assert {"en": f"page {number} of 2", "ko": f"2쪽 중 {number}쪽"}[language] in text
        assert "UA 117/15 · UA-2015-0117" in text


@pytest.mark.parametrize("paragraphs", [1, 6, 12])
def test_however_many_pages_were_expected_they_are_numbered_alike(typesetter: Typesetter, paragraphs: int) -> None:
    rendered, context = letter("en")
    body = "\n\n".join(["They were taken from a house by the river. " * 3] * paragraphs)
    short, long = (replace(rendered, body_markdown=body, text="\n" * lines) for lines in (1, 999))
    made = list(pages(typesetter.letter_pdf(short, context)))
    assert list(pages(typesetter.letter_pdf(long, context))) == made
    assert len(made) == (1 if paragraphs < 12 else 2)
    assert f"page 1 of {len(made)}" in made[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fax_page_says_when_from_whom_to_whom(typesetter: Typesetter, language: str) -> None:
    rendered, context = letter(language)
    for number, text in enumerate(pages(typesetter.fax_pdf(rendered, context, header=HEADER)), start=1):
        header = text[:250]
        for part in (
            {"en": "25 November 2015", "ko": "2015년 11월 25일"}[language],
            context.organisation.name,
            "+44 20 7946 0101",
            "+82 2-770-4721",
            {"en": f"page {number} of 2", "ko": f"2쪽 중 {number}쪽"}[language],
        ):
            assert part in header


def test_a_repeat_says_so_on_every_page(typesetter: Typesetter) -> None:
    rendered, context = letter("en")
    first = typesetter.fax_pdf(rendered, context, header=HEADER)
    again = typesetter.fax_pdf(rendered, context, header=replace(HEADER, is_repeat=True))
    assert "REPEAT TRANSMISSION" not in text_of(first)
    assert all("REPEAT TRANSMISSION" in text for text in pages(again))


def test_the_same_letter_is_the_same_file(typesetter: Typesetter) -> None:
    rendered, context = letter("ko")
    first = typesetter.letter_pdf(rendered, context)
    other = Typesetter(TEMPLATES / "typst").letter_pdf(*letter("ko"))
    assert first == other
    assert pdf_sha256(first) == pdf_sha256(other)
    assert len(pdf_sha256(first)) == 64
    changed = replace(context, alert=replace(context.alert, number="UA 118/15"))
    assert pdf_sha256(typesetter.letter_pdf(rendered, changed)) != pdf_sha256(first)


def test_threads_share_one_typesetter(typesetter: Typesetter) -> None:
    letters = {language: letter(language) for language in LANGUAGES}
    expected = {language: typesetter.letter_pdf(*letters[language]) for language in LANGUAGES}
    with ThreadPoolExecutor(4) as pool:
        asked = list(LANGUAGES) * 6
        made = list(pool.map(lambda language: typesetter.letter_pdf(*letters[language]), asked))
    assert made == [expected[language] for language in asked]


def test_a_copy_names_its_reader(typesetter: Typesetter) -> None:
    rendered, context = letter("en")
    copy = CcEntry(name="Yun Byung-se", office="Minister of Foreign Affairs")
    assert "Copy for: Yun Byung-se, Minister of Foreign Affairs" in text_of(
        typesetter.letter_pdf(rendered, context, copy_for=copy)
    )
    assert "Copy for:" not in text_of(typesetter.letter_pdf(rendered, context))


@pytest.mark.parametrize("lines", range(12, 30, 2))
def test_a_list_is_not_parted_from_the_words_that_lead_to_it(typesetter: Typesetter, lines: int) -> None:
    context = letter_context("en")
    paragraphs = "\n\n".join(f"Paragraph {number} stands here on its line." for number in range(lines))
    body = f"{paragraphs}\n\nWe urge you to\n\n- do the first thing;\n- do the second.\n\nThank you."
    source = TemplateSource("mine.md", "en", f'+++\nre = "x"\nclosing = "Yours"\n+++\n{body}\n')
    made = list(pages(typesetter.letter_pdf(render_letter(source, context), context)))
    assert "do the first thing" in next(text for text in made if "We urge you to" in text)


@pytest.mark.parametrize("lines", range(18, 40, 3))
def test_the_signature_never_stands_alone_on_a_page(typesetter: Typesetter, lines: int) -> None:
    context = letter_context("en")
    paragraphs = "\n\n".join(f"Paragraph {number} stands here on its line." for number in range(lines))
    source = TemplateSource("mine.md", "en", f'+++\nre = "x"\nclosing = "Yours"\n+++\n{paragraphs}\n')
    made = list(pages(typesetter.letter_pdf(render_letter(source, context), context)))
    with_signature = next(text for text in made if "Brad Adams" in text)
    assert "Yours," in with_signature
    assert f"Paragraph {lines - 1} " in with_signature


def test_what_looks_like_typst_or_markup_is_set_as_it_is(typesetter: Typesetter) -> None:
    hostile = '#panic("x") $x$ <label> @ref *b* `c` \\u{41} "quotes" //c'
    context = letter_context("en")
    context = replace(context, addressee=replace(context.addressee, name=hostile))
    source = TemplateSource("mine.md", "en", '+++\nre = "x"\nclosing = "Yours"\n+++\nTo {{ addressee.name }}.\n')
    text = text_of(typesetter.letter_pdf(render_letter(source, context), context))
    assert text.count(hostile) == 2


@pytest.mark.parametrize("name", ["தமிழ்", "Kim 😀"])
def test_a_character_without_a_glyph_is_refused_rather_than_left_out(typesetter: Typesetter, name: str) -> None:
    rendered, context = letter("en")
    with pytest.raises(TemplateError, match=r"could not be displayed.*none of the installed fonts has this character"):
        typesetter.letter_pdf(rendered, named(context, name))


def faces_of(pdf: bytes) -> dict[str, str]:
    """Face by character, as set on the pages; of the Latin letters only a and z, of digits none."""
    document = pypdfium2.PdfDocument(pdf)
    found: dict[str, str] = {}
    for page in document:
        text = page.get_textpage()
        for at in range(text.count_chars()):
            name = ctypes.create_string_buffer(100)
            pypdfium2.raw.FPDFText_GetFontInfo(text, at, name, 100, ctypes.c_int())
            found.setdefault(text.get_text_range(at, 1), name.value.decode().partition("+")[2].partition("-")[0])
    document.close()
    return found


@pytest.mark.parametrize(
    ("language", "own", "faces"),
    [
        ("zh-Hans", "直骨角", {"NotoSerifSC"}),
        ("ja", "直骨角", {"NotoSerifJP"}),
        ("ko", "또는河", {"NotoSerifKR"}),
        ("ar", "بكتونيها", {"Amiri"}),
        ("ru", "жщюэ", {"NotoSerif"}),
        ("fr", "èù", {"NotoSerif"}),
    ],
)
def test_each_language_has_its_own_forms(typesetter: Typesetter, language: str, own: str, faces: set[str]) -> None:
    found = faces_of(typesetter.letter_pdf(*tongues.letter(language)))
    assert {found[char] for char in own} == faces


def test_wide_punctuation_comes_from_the_east_asian_face(typesetter: Typesetter) -> None:
    found = faces_of(typesetter.letter_pdf(*tongues.letter("zh-Hans")))
    assert found["“"] in {"NotoSerifSC", "NotoSansSC"}
    assert found["…"] == "NotoSerifSC"
    assert faces_of(typesetter.letter_pdf(*tongues.letter("en")))["“"] == "NotoSerif"


@pytest.mark.parametrize("language", ["ja", "ko", "zh-Hans"])
def test_what_is_strong_stands_out_where_there_is_no_bold_cut(typesetter: Typesetter, language: str) -> None:
    context = tongues.context(language)
    word = {"ja": "見本", "ko": "보기", "zh-Hans": "示例"}[language]

    def made(body: str) -> bytes:
        source = TemplateSource("mine.md", language, f'+++\nre = "x"\nclosing = "y"\n+++\n{body}\n')
        bare = replace(context, cc=(), enclosures=(), addressee=replace(context.addressee, postal_address=()))
        return typesetter.letter_pdf(render_letter(source, bare), bare)

    without, plain, strong = (ink(made(body)) for body in ("1 1", f"1 {word} 1", f"1 **{word}** 1"))
    assert strong - without > (plain - without) * 1.2


def ink(pdf: bytes) -> int:
    """How many dots of the first page are black."""
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=3).to_pil().convert("L")
    document.close()
    return int(sum(image.histogram()[:128]))


@pytest.mark.parametrize("language", tongues.ALL)
def test_nothing_leaves_the_page_and_every_name_arrives(typesetter: Typesetter, language: str) -> None:
    rendered, context = tongues.letter(language, paragraphs=9)
    for pdf in (typesetter.letter_pdf(rendered, context), typesetter.fax_pdf(rendered, context, header=HEADER)):
        document = pypdfium2.PdfDocument(pdf)
        assert len(document) >= 2
        for page in document:
            left, _, right, _ = inked_box(page)
            assert left > 55
            assert right < 595 - 55
        document.close()


def test_three_pages_are_numbered_and_the_last_is_not_nearly_empty(typesetter: Typesetter) -> None:
    rendered, context = tongues.letter("en", paragraphs=17)
    made = list(pages(typesetter.letter_pdf(rendered, context)))
    assert len(made) == 3
    assert all(f"page {number} of 3" in text for number, text in enumerate(made, start=1))
    assert "We would be grateful" in made[-1]
    assert "Enclosures:" in made[-1]


def test_a_very_long_word_stays_on_the_page(typesetter: Typesetter) -> None:
    rendered, context = letter("en")
    name = "Wolfeschlegelsteinhausenbergerdorff-Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
    document = pypdfium2.PdfDocument(typesetter.letter_pdf(rendered, named(context, name)))
    _, _, right, _ = inked_box(document[0])
    assert right < 595 - 55
    document.close()


def inked_box(page: Any) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what is drawn, in points."""
    image = ImageOps.invert(page.render(scale=2).to_pil().convert("L"))
    box = image.getbbox()
    assert box is not None
    left, top, right, bottom = (value / 2 for value in box)
    return left, top, right, bottom


def test_a_list_of_copies_longer_than_a_page_goes_on_over_the_next(typesetter: Typesetter) -> None:
    rendered, context = letter("en")
    offices = [f"Embassy {number:03}" for number in range(120)]
    context = replace(context, cc=tuple(CcEntry(name="", office=office) for office in offices))
    header = FaxHeader(sent_on=date(2015, 11, 24), sender_number="1", to_number="2")
    for pdf in (typesetter.letter_pdf(rendered, context), typesetter.fax_pdf(rendered, context, header=header)):
        shown = " ".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))
        assert [office for office in offices if office not in shown] == []


def test_enclosures_are_listed_after_the_copies(typesetter: Typesetter) -> None:
    rendered, context = tongues.letter("en")
    for text in (text_of(typesetter.letter_pdf(rendered, context)), " ".join(rendered.text.split())):
        assert "Ministry of Justice Enclosures: 1. Timeline of events 2. Copy of the letter of 3 June" in text
    one = replace(context, enclosures=("A map",))
    assert "Enclosures: A map" in text_of(typesetter.letter_pdf(rendered, one))
    assert "Enclosures:" not in text_of(typesetter.letter_pdf(rendered, replace(context, enclosures=())))


def test_a_text_that_begins_with_a_small_heading_can_be_set(typesetter: Typesetter) -> None:
    context = letter_context("en")
    source = TemplateSource("mine.md", "en", '+++\nre = "x"\nclosing = "y"\n+++\n#### Small\n\nText\n\n> # In\n')
    assert "Small" in text_of(typesetter.letter_pdf(render_letter(source, context), context))


def test_a_missing_layout_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"letter\.typ is missing"):
        Typesetter(tmp_path)
