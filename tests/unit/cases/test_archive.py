"""A file that somebody uploads as a case: whatever is in it, it is taken or refused in words."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from urgentaction.cases.archive import unpacked
from urgentaction.core.errors import InvalidInput


def zipped(method: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("case.toml", 'reference = "x"\n' * 200)
        archive.writestr("texts/en.md", "## who\nTwo.\n" * 50)
    return content.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_scrambled_file_is_refused_and_breaks_nothing(method: int) -> None:
    dice, refused = random.Random(method), 0
    for _ in range(150):
        scrambled = bytearray(zipped(method))
        for _ in range(dice.randint(1, 4)):
            scrambled[dice.randrange(len(scrambled))] = dice.randrange(256)
        try:
            with unpacked(io.BytesIO(bytes(scrambled)), name="case.zip") as folder:
                assert (folder / "case.toml").exists() or (folder / "texts").is_dir()
        except InvalidInput:
            refused += 1
    assert refused > 20
