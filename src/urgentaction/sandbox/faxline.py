"""From a PDF to what the other machine printed: fax pages and their transmission.

Owns the picture work (pypdfium2, Pillow) and the child process in which `t30` places the call. Pages are A4 at 204 by
196 dots an inch, black and white, 1728 dots wide (ITU-T T.4 "fine"), stored as TIFF class F with T.6 coding (RFC 2306).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import pypdfium2
from PIL import Image

from . import t30

DPI_ACROSS, DPI_DOWN = 204, 196
WIDTH = 1728
HEIGHT = 2292  # A4, 297 mm
POINTS = 72  # an inch in PDF
PAGE_LIMIT = 350
#: A grey darker than this prints. Thin strokes of a serif type stay whole, paper-coloured shades vanish.
THRESHOLD = 150
CALL_TIMEOUT = 120  # seconds of real time; a call of 350 pages takes a few

_pdfium = Lock()  # PDFium must not be entered by two threads


class MediaError(Exception):
    """The document can't be faxed. `reason` is Telnyx's word for it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Transmission:
    """How the call went.

    Attributes:
        is_complete: every page arrived and was confirmed.
        line: `t30`, or why nothing could really be transmitted.
        result: what the engines reported; empty where there is no library.
    """

    is_complete: bool
    line: str
    result: dict[str, object]


def render(pdf: Path, tiff: Path) -> int:
    """Makes the fax pages of a document and returns their number. Blocks; run it in a thread.

    Raises:
        MediaError: not a readable PDF, or too long.
    """
    with _pdfium:
        try:
            document = pypdfium2.PdfDocument(pdf)
        except pypdfium2.PdfiumError as error:
            raise MediaError("file_format_invalid", f"not a readable PDF: {error}") from error
        try:
            if len(document) > PAGE_LIMIT:
                raise MediaError("page_count_limit_exceeded", f"{len(document)} pages; at most {PAGE_LIMIT}")
            pages = [_fax_page(page) for page in document]
        finally:
            document.close()
    save_tiff(pages, tiff)
    return len(pages)


def _fax_page(page: pypdfium2.PdfPage) -> Image.Image:
    """One page, its size kept where it fits the paper, scaled down where it does not, set on white."""
    width, height = page.get_size()
    fit = min(1.0, WIDTH / DPI_ACROSS * POINTS / width, HEIGHT / DPI_DOWN * POINTS / height)
    # Drawn at twice the resolution and brought down: the dots are not square, which PDFium can't draw.
    drawn = page.render(scale=2 * DPI_ACROSS / POINTS * fit, grayscale=True).to_pil().convert("L")
    size = (
        max(1, min(WIDTH, round(width * fit * DPI_ACROSS / POINTS))),
        max(1, min(HEIGHT, round(height * fit * DPI_DOWN / POINTS))),
    )
    scaled = drawn.resize(size, Image.Resampling.BOX)
    paper = Image.new("L", (WIDTH, HEIGHT), 255)
    paper.paste(scaled, ((WIDTH - size[0]) // 2, 0))
    return paper.point([0 if grey < THRESHOLD else 255 for grey in range(256)]).convert("1", dither=Image.Dither.NONE)


def save_tiff(pages: list[Image.Image], path: Path) -> None:
    """Writes pages as one TIFF with T.6 coding."""
    first, *rest = pages
    first.save(path, format="TIFF", compression="group4", dpi=(DPI_ACROSS, DPI_DOWN), save_all=True, append_images=rest)


def save_pngs(tiff: Path, folder: Path) -> int:
    """Writes each page as `page-N.png`, its dots made square so that it looks right. Returns their number."""
    with Image.open(tiff) as pages:
        count: int = getattr(pages, "n_frames", 1)
        for number in range(count):
            pages.seek(number)
            height = round(pages.height * DPI_ACROSS / DPI_DOWN)
            page = pages.convert("L").resize((pages.width, height), Image.Resampling.BILINEAR)
            page.save(folder / f"page-{number + 1}.png", dpi=(DPI_ACROSS, DPI_ACROSS))
    return count


async def transmit(sent: Path, received: Path, *, caller: str, callee: str, cut: t30.Cut, line: str) -> Transmission:
    """Places the call in a child process. Without the library the sent pages stand for the received ones.

    A child that crashes or hangs counts as a call that failed; `result` says so.
    """
    await asyncio.to_thread(received.unlink, missing_ok=True)
    if line != "t30":
        if cut is t30.Cut.NEVER:
            await asyncio.to_thread(shutil.copyfile, sent, received)
        return Transmission(cut is t30.Cut.NEVER, line, {})
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(Path(t30.__file__)), str(sent), str(received)),
        *(f"--caller={caller}", f"--callee={callee}", f"--cut={cut}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(child.communicate(), CALL_TIMEOUT)
    except TimeoutError:
        child.kill()
        await child.wait()
        return Transmission(False, line, {"text": f"the call did not end within {CALL_TIMEOUT} s"})
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        text = errors.decode(errors="replace").strip() or f"the fax engine ended with {child.returncode}"
        return Transmission(False, line, {"text": text})
    result: dict[str, object] = json.loads(output)
    return Transmission(result["code"] == 0, line, result)
