"""The letter on paper: looked at through the eyes of a screen reader, a fax machine and an archive."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("edition", ["letter", "fax"])
def test_the_pdf_is_accessible_and_carries_its_fonts(typesetter: Typesetter, edition: str, language: str) -> None:
    rendered, context = letter(language)
    if edition == "fax":
        pdf = typesetter.fax_pdf(rendered, context, header=HEADER)
    else:
        pdf = typesetter.letter_pdf(rendered, context)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert str(document.Root.Lang).startswith(language)
        assert bool(document.Root.MarkInfo.Marked)
        assert "/StructTreeRoot" in document.Root
        metadata = document.open_metadata()
        assert metadata["pdfuaid:part"] == "1"
        assert rendered.re_line in str(metadata["dc:title"])
        assert str(document.docinfo["/Author"]) == context.organisation.name
        assert bool(document.Root.ViewerPreferences.DisplayDocTitle)
        descriptors = [
            item for item in document.objects if isinstance(item, pikepdf.Dictionary) and "/FontName" in item
        ]
        assert descriptors
        assert all({"/FontFile2", "/FontFile3"} & set(item.keys()) for item in descriptors)
        names = " ".join(str(item.FontName) for item in descriptors)
        assert "NotoSerif" in names
        assert ("NotoSerifKR" in names) is (language == "ko")
        assert not [
            item for item in document.objects if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Image"
        ]


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fax_page_is_black_on_white_and_large_enough(typesetter: Typesetter, language: str) -> None:
    pdf = typesetter.fax_pdf(*letter(language), header=HEADER)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for page in document.pages:
            colours, sizes = set(), set()
            for instruction in pikepdf.parse_content_stream(page):
                operands, operator = instruction.operands, instruction.operator
                if str(operator) in {"g", "G", "rg", "RG", "k", "K", "sc", "SC", "scn", "SCN"}:
                    colours.add(tuple(float(value) for value in operands if not isinstance(value, pikepdf.Name)))
                if str(operator) == "Tf":
                    sizes.add(float(operands[1]))
            assert colours <= {(0.0,), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)}
            assert sizes
            assert min(sizes) >= 11
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        image = page.render(scale=204 / 72, no_smoothtext=True, no_smoothpath=True).to_pil().convert("RGB")
        colours = {colour for _count, colour in image.getcolors(maxcolors=1 << 20)}
        assert colours <= {(0, 0, 0), (255, 255, 255)}
        assert round(page.get_width()), round(page.get_height()) == (595, 842)
    document.close()


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


@pytest.mark.parametrize("name", ["عربي", "Kim 😀"])
def test_a_character_without_a_glyph_is_refused_rather_than_left_out(typesetter: Typesetter, name: str) -> None:
    rendered, context = letter("en")
    with pytest.raises(TemplateError, match=r"could not be displayed.*none of the installed fonts has this character"):
        typesetter.letter_pdf(rendered, named(context, name))


def test_a_missing_layout_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"letter\.typ is missing"):
        Typesetter(tmp_path)
