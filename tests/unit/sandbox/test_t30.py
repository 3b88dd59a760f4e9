"""The call in memory. Needs libspandsp (`apt-get install libspandsp2`); CI must have it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tests.unit.sandbox.running import Hooks, Sandbox, eventually, letter_pdf
from urgentaction.sandbox import faxline, t30
from urgentaction.sandbox.t30 import Cut, call, library_name

is_missing = library_name() is None
needs_library = pytest.mark.skipif(
    is_missing and os.environ.get("CI") != "true", reason="needs libspandsp: apt-get install libspandsp2"
)


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    (tmp_path / "letter.pdf").write_bytes(letter_pdf())
    assert faxline.render(tmp_path / "letter.pdf", tmp_path / "sent.tiff") == 2
    return tmp_path / "sent.tiff"


def frames(path: Path) -> list[Image.Image]:
    with Image.open(path) as pages:
        found = []
        for number in range(pages.n_frames):  # type: ignore[attr-defined]
            pages.seek(number)
            found.append(pages.convert("1"))
    return found


@needs_library
def test_both_pages_arrive_dot_for_dot(sent: Path, tmp_path: Path) -> None:
    received = tmp_path / "received.tiff"
    result = call(sent, received, caller="+12025550100", callee="+442079460001")
    assert (result.code, result.text, result.pages_sent, result.is_error_corrected) == (0, "OK", 2, True)
    assert result.bit_rate == 14400
    assert result.line_seconds > 15, "a line would have been busy for a while"
    for before, after in zip(frames(sent), frames(received), strict=True):
        assert before.size == after.size == (1728, 2292)
        assert ImageChops.logical_xor(before, after).getbbox() is None


@needs_library
@pytest.mark.parametrize(("cut", "code"), [(Cut.SILENT, 2), (Cut.EARLY, 20), (Cut.IN_PAGE, 21)])
def test_a_cut_line_gives_the_codes_of_t30(sent: Path, tmp_path: Path, cut: Cut, code: int) -> None:
    result = call(sent, tmp_path / "received.tiff", cut=cut)
    assert (result.code, result.pages_sent) == (code, 0)


@needs_library
def test_the_sandbox_keeps_what_the_other_machine_received(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    assert sandbox.ready["line"] == "t30"
    fax = sandbox.fax(number, f"{hooks.url}/letter.pdf").json()["data"]["id"]
    eventually(lambda: sandbox.fax_status(fax)["status"] == "delivered")
    folder = sandbox.data / "fax" / fax
    assert len(frames(folder / "received.tiff")) == 2
    assert (folder / "received.tiff").read_bytes() != (folder / "sent.tiff").read_bytes(), "coded by the receiver"
    assert "really transmitted" in sandbox.http.get(f"/fax/{fax}").text


@needs_library
def test_a_crash_of_the_library_is_a_failed_call(sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = tmp_path / "crash.py"
    crash.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(t30, "__file__", str(crash))
    outcome = asyncio.run(faxline.transmit(sent, tmp_path / "r.tiff", caller="", callee="", cut=Cut.NEVER, line="t30"))
    assert not outcome.is_complete
    assert "-11" in str(outcome.result["text"])


def test_without_the_library_it_says_so(sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(t30, "library_name", lambda: None)
    with pytest.raises(t30.LineError, match="apt-get install libspandsp2"):
        call(sent, tmp_path / "received.tiff")


@pytest.mark.parametrize(("cut", "arrives"), [(Cut.NEVER, True), (Cut.IN_PAGE, False)])
def test_without_the_library_the_sent_page_stands_for_the_received_one(
    sent: Path, tmp_path: Path, *, cut: Cut, arrives: bool
) -> None:
    received = tmp_path / "received.tiff"
    outcome = asyncio.run(faxline.transmit(sent, received, caller="", callee="", cut=cut, line=t30.MISSING))
    assert outcome.is_complete is received.exists() is arrives
    assert "libspandsp2" in outcome.line


@needs_library
def test_as_a_program(sent: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-I", t30.__file__, str(sent), str(tmp_path / "r.tiff")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"code": 0' in result.stdout
