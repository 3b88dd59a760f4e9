"""What PDF/UA-1 (ISO 14289-1) and PDF/A-2a (ISO 19005-2) ask of a letter, asked by libraries that did not make it.

pikepdf reads the structure, poppler's programs the fonts and the order of reading. The whole of both standards is asked
by veraPDF where somebody has it: see docs/letters.md.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from tests.unit.letters import tongues
from tests.unit.letters.contexts import TEMPLATES
from urgentaction.letters.typeset import FaxHeader, Typesetter

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None and os.environ.get("CI") != "true",
    reason="needs pdftotext and pdffonts: apt-get install poppler-utils",
)
VERAPDF = os.environ.get("URGENTACTION_TEST_VERAPDF", "")
HEADER = FaxHeader(sent_on=date(2015, 11, 25), sender_number="+44 20 7946 0101", to_number="+82 2-770-4721")
TAGS = {"ar": "ar", "en": "en-GB", "es": "es-ES", "fr": "fr-FR", "ja": "ja-JP", "ko": "ko-KR", "ru": "ru-RU"}
TAGS["zh-Hans"] = "zh-CN"


@pytest.fixture(scope="module")
def typesetter() -> Typesetter:
    return Typesetter(TEMPLATES / "typst")


@pytest.fixture(params=tongues.ALL)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["letter", "fax"])
def pdf(request: pytest.FixtureRequest, typesetter: Typesetter, language: str) -> bytes:
    rendered, context = tongues.letter(language)
    if request.param == "fax":
        return typesetter.fax_pdf(rendered, context, header=HEADER)
    return typesetter.letter_pdf(rendered, context)


def test_it_says_what_it_is(pdf: bytes, language: str) -> None:
    rendered, context = tongues.letter(language)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert str(document.Root.Lang) == TAGS[language]
        assert bool(document.Root.ViewerPreferences.DisplayDocTitle)
        metadata = document.open_metadata()
        assert metadata["pdfuaid:part"] == "1"
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
        assert rendered.re_line in str(metadata["dc:title"])
        assert list(metadata["dc:language"]) == [TAGS[language]]
        assert list(metadata["dc:creator"]) == [context.organisation.name]
        # The letter's own day and no hour: who knows when it was made knows nothing of the office.
        assert metadata["xmp:CreateDate"] == "2015-11-24T00:00:00+00:00"
        # PDF/A wants the two places where a PDF keeps its title to agree.
        assert str(document.docinfo["/Title"]) == str(metadata["dc:title"])


def test_it_is_tagged_to_the_last_mark(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert bool(document.Root.MarkInfo.Marked)
        kinds = [str(element.S) for element in elements(document.Root.StructTreeRoot)]
        assert {"/H1", "/P", "/L", "/LI", "/Lbl", "/LBody", "/Link"} <= set(kinds)
        for page in document.pages:
            assert str(page.Tabs) == "/S" or "/Annots" not in page
            depth = 0
            for instruction in pikepdf.parse_content_stream(page):
                operator = str(instruction.operator)
                depth += {"BDC": 1, "BMC": 1, "EMC": -1}.get(operator, 0)
                assert depth > 0 or operator not in {"Tj", "TJ", "S", "f", "B", "Do"}, "drawn outside every tag"


def elements(node: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """The structure elements below a node."""
    kids: Any = node.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            yield kid
            yield from elements(kid)


def test_a_link_has_words_for_those_who_do_not_see_it(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        annotations = [note for page in document.pages for note in page.get("/Annots", [])]
        assert annotations
        for note in annotations:
            assert str(note.Subtype) == "/Link"
            assert str(note.A.URI) == "https://safepassage.example/cases/two-people"
            assert str(note.Contents)


def test_it_depends_on_nothing_and_runs_nothing(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert not document.is_encrypted
        assert not {"/OpenAction", "/AA", "/AcroForm", "/Names"} & set(document.Root.keys())
        intent = document.Root.OutputIntents[0]
        assert str(intent.S) == "/GTS_PDFA1"
        assert len(intent.DestOutputProfile.read_bytes()) > 100
        for item in document.objects:
            if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
                assert not {"/JS", "/F", "/EF", "/Launch"} & set(item.keys()) or item.get("/Subtype") == "/Link"
                assert item.get("/Filter") != "/LZWDecode"
                assert item.get("/Subtype") != "/Image"


def test_every_font_is_inside_and_can_be_read_back(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        dictionaries = [item for item in document.objects if isinstance(item, pikepdf.Dictionary)]
        fonts = [item for item in dictionaries if item.get("/Type") == "/Font" and item.get("/Subtype") == "/Type0"]
        assert fonts
        for font in fonts:
            assert "/ToUnicode" in font
            descriptor = font.DescendantFonts[0].FontDescriptor
            assert {"/FontFile2", "/FontFile3"} & set(descriptor.keys())
            assert re.match(r"/[A-Z]{6}\+", str(descriptor.FontName)), "a subset has six letters before its name"


@needs_poppler
def test_poppler_finds_every_font_embedded(pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "letter.pdf").write_bytes(pdf)
    told = subprocess.run(["pdffonts", tmp_path / "letter.pdf"], check=True, capture_output=True, text=True).stdout
    rows = told.splitlines()[2:]
    assert rows
    for row in rows:
        assert re.search(r" yes +yes +yes +\d+ +\d+$", row), f"emb, sub and uni should be yes: {row}"


@needs_poppler
def test_it_is_read_in_order(typesetter: Typesetter, language: str, tmp_path: Path) -> None:
    rendered, context = tongues.letter(language)
    (tmp_path / "letter.pdf").write_bytes(typesetter.letter_pdf(rendered, context))
    told = subprocess.run(
        ["pdftotext", "-enc", "UTF-8", tmp_path / "letter.pdf", "-"], check=True, capture_output=True, text=True
    ).stdout
    words = tongues.WORDS[language]
    parts = [
        words.organisation,
        rendered.date_line,
        words.name,
        words.address[0],
        words.re.partition("(")[0].partition("（")[0],
        words.salutation,
        max(re.findall(r"[^\W\d][^\W\d ]*(?: [^\W\d]+)*", words.paragraph), key=len),
        words.heading.replace("*", ""),
        words.lead,
        words.items[0],
        words.quote,
        words.last,
        words.closing,
        words.signatory[0],
        words.signatory[1],
        words.cc[0][0],
        words.cc[1][0],
        words.enclosures[0],
        words.enclosures[1],
    ]
    read, at = squeezed(told), 0
    for part in parts:
        found = read.find(squeezed(part), at)
        assert found >= 0, f"{part!r} does not come where it should in:\n{told}"
        at = found


def squeezed(text: str) -> str:
    """Text without white space, marks of direction and the hyphens of divided words."""
    return re.sub(r"[\s\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad-]+", "", text)


def check_by_verapdf(typesetter: Typesetter, tmp_path: Path) -> None:
    files = []
    for language in tongues.ALL:
        rendered, context = tongues.letter(language, paragraphs=4)
        made = {"": typesetter.letter_pdf(rendered, context)}
        made["-fax"] = typesetter.fax_pdf(rendered, context, header=HEADER)
        for edition, content in made.items():
            files.append(tmp_path / f"{language}{edition}.pdf")
            files[-1].write_bytes(content)
    program = Path(__file__).parent / "verapdf" / "Validate.java"
    told = subprocess.run(["java", "-cp", f"{VERAPDF}/*", program, *files], check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count(" 2a compliant") == told.stdout.count(" ua1 compliant") == 2 * len(tongues.ALL)


if VERAPDF:  # `make verapdf`: it needs Java and Maven, and half a minute

    def test_verapdf_finds_nothing(typesetter: Typesetter, tmp_path: Path) -> None:
        check_by_verapdf(typesetter, tmp_path)
