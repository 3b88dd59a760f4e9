"""The fax edition as a fax machine sees it: black dots, at 204 × 196 and at 204 × 98 an inch (ITU-T T.4).

What can be measured of legible: a stroke thinner than a line of the scan falls apart into dots. So the pieces of ink
are counted, on the page as the machine sees it and on a much finer one; the serif letter fails that, as it should.
"""

from __future__ import annotations

import io
import re
from datetime import date
from itertools import islice

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from tests.unit.letters import tongues
from tests.unit.letters.contexts import TEMPLATES
from urgentaction.letters.typeset import FaxHeader, Typesetter
from urgentaction.letters.wording import labels, long_date

HEADER = FaxHeader(sent_on=date(2015, 11, 25), sender_number="+44 20 7946 0101", to_number="+82 2-770-4721")
ACROSS = 204
FINE, STANDARD = 196, 98


@pytest.fixture(scope="module")
def typesetter() -> Typesetter:
    return Typesetter(TEMPLATES / "typst")


@pytest.fixture(scope="module", params=tongues.ALL)
def fax(request: pytest.FixtureRequest, typesetter: Typesetter) -> bytes:
    rendered, context = tongues.letter(request.param)
    return typesetter.fax_pdf(rendered, context, header=HEADER)


def scanned(pdf: bytes, *, across: int = ACROSS, down: int) -> Image.Image:
    """The first page in black and white, dots to the inch across and down."""
    document = pypdfium2.PdfDocument(pdf)
    page = document[0]
    width, height = round(page.get_width() / 72 * across), round(page.get_height() / 72 * down)
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, pypdfium2.raw.FPDFBitmap_Gray)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    pypdfium2.raw.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, 0)
    image: Image.Image = bitmap.to_pil().convert("L").point(lambda value: 0 if value < 128 else 255)
    document.close()
    return image


def pieces(image: Image.Image) -> int:
    """How many pieces of connected ink there are."""
    dots, width = image.tobytes(), image.width
    parent: list[int] = []

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    above: list[tuple[int, int, int]] = []
    for line in range(image.height):
        here = []
        first = 0  # of those above that don't end before this run; both lines are read from left to right
        for run in re.finditer(b"\x00+", dots[line * width : (line + 1) * width]):
            mine = len(parent)
            parent.append(mine)
            while first < len(above) and above[first][1] < run.start():
                first += 1
            for begin, _, other in islice(above, first, None):
                if begin > run.end():
                    break
                parent[root(other)] = root(mine)
            here.append((run.start(), run.end(), mine))
        above = here
    return sum(item == of for item, of in enumerate(parent))


def test_every_stroke_survives_the_line(fax: bytes) -> None:
    drawn = pieces(scanned(fax, across=4 * ACROSS, down=8 * STANDARD))
    assert drawn > 500
    for down in (FINE, STANDARD):
        seen = pieces(scanned(fax, down=down))
        assert seen <= drawn, f"a stroke fell apart at {down} lines an inch"
        assert seen >= 0.9 * drawn, f"signs ran into each other at {down} lines an inch"


def test_the_letter_would_not_survive_it(typesetter: Typesetter) -> None:
    letter = typesetter.letter_pdf(*tongues.letter("ja"))
    drawn = pieces(scanned(letter, across=4 * ACROSS, down=8 * STANDARD))
    assert pieces(scanned(letter, down=STANDARD)) > 1.1 * drawn


def test_it_is_black_on_white(fax: bytes) -> None:
    with pikepdf.open(io.BytesIO(fax)) as document:
        for page in document.pages:
            colours = {
                tuple(float(value) for value in instruction.operands if not isinstance(value, pikepdf.Name))
                for instruction in pikepdf.parse_content_stream(page)
                if str(instruction.operator) in {"g", "G", "rg", "RG", "k", "K", "sc", "SC", "scn", "SCN"}
            }
            assert colours
            assert colours <= {(0.0,), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)}


def test_no_print_is_smaller_than_eleven_points(fax: bytes) -> None:
    document = pypdfium2.PdfDocument(fax)
    for page in document:
        assert (round(page.get_width()), round(page.get_height())) == (595, 842)
        text = page.get_textpage()
        sizes = {
            pypdfium2.raw.FPDFText_GetFontSize(text, at)
            for at in range(text.count_chars())
            if text.get_text_range(at, 1).strip()
        }
        assert min(size for size in sizes if size) >= 11
    document.close()


@pytest.mark.parametrize("language", tongues.ALL)
def test_every_page_says_when_from_whom_to_whom_and_which_it_is(typesetter: Typesetter, language: str) -> None:
    rendered, context = tongues.letter(language, paragraphs=6)
    document = pypdfium2.PdfDocument(typesetter.fax_pdf(rendered, context, header=HEADER))
    assert len(document) > 1
    for number, page in enumerate(document, start=1):
        top = page.get_textpage().get_text_bounded(bottom=page.get_height() - 90)
        wanted = labels(language).page.replace("{x}", str(number)).replace("{y}", str(len(document)))
        parts = ["+44 20 7946 0101", "+82 2-770-4721", wanted, long_date(HEADER.sent_on, language)]
        # pdfium puts the groups of a number in an Arabic line in the order of the line.
        assert set(re.findall(r"\d+", " ".join(parts))) <= set(re.findall(r"\d+", top))
        if language != "ar":
            for part in (*parts, context.organisation.name):
                assert "".join(part.split()) in "".join(top.split())
    document.close()
