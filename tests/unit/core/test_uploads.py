"""What comes with a form stays in memory and within bounds, whoever sends it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile
from django.test import RequestFactory

from urgentaction.core.uploads import MOST_BYTES


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("size", [10, 3_000_000, MOST_BYTES])
def test_a_file_is_kept_in_memory(folder: Path, size: int) -> None:
    request = RequestFactory().post("/", {"file": SimpleUploadedFile("case.zip", b"x" * size)})
    assert isinstance(request.FILES["file"], InMemoryUploadedFile)
    assert request.FILES["file"].size == size
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("sizes", [[MOST_BYTES + 1], [MOST_BYTES // 2 + 1] * 2])
def test_too_much_is_dropped_and_lies_nowhere(folder: Path, sizes: list[int]) -> None:
    files = {f"file{number}": SimpleUploadedFile("case.zip", b"x" * size) for number, size in enumerate(sizes)}
    request = RequestFactory().post("/", {"csrfmiddlewaretoken": "t", **files})
    assert request.POST["csrfmiddlewaretoken"] == "t"
    assert len(request.FILES) < len(sizes)
    assert list(folder.iterdir()) == []
