"""A case's folder as a zip file that somebody uploads: unpacked where nobody else can read, and taken away after.

Takes `case.toml` and `texts/*.md` and nothing else, so no path of the archive decides where anything is written.
"""

from __future__ import annotations

import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from urgentaction.core.errors import InvalidInput
from urgentaction.core.phrases import say

from .folder import CASE_FILE, TEXTS_FOLDER

MOST_BYTES = 2_000_000
MOST_FILES = 60
#: What reading a damaged archive ends in: of its directory, of its names, of what is packed in it.
_DAMAGE = (
    zipfile.BadZipFile,
    RuntimeError,  # it is encrypted, or packed in a way nobody knows (NotImplementedError)
    EOFError,
    OSError,
    ValueError,
    struct.error,
    zlib.error,
)
#: How file managers pack. The other ways unpack a piece whole, however large it becomes.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_TEXT = re.compile(r"[A-Za-z0-9-]{1,20}\.md")


@contextmanager
def unpacked(file: BinaryIO, *, name: str) -> Iterator[Path]:
    """The folder in the archive; gone when the block ends.

    Args:
        name: of the file that was uploaded; the folder is called like it, and problems begin with it.

    Raises:
        InvalidInput: it is no such archive, or too large.
    """
    with tempfile.TemporaryDirectory(prefix="case-") as place:
        folder = Path(place) / (re.sub(r"[^A-Za-z0-9-]", "-", Path(name).stem)[:60] or "case")
        (folder / TEXTS_FOLDER).mkdir(parents=True)
        _unpack(file, folder)
        yield folder


def _unpack(file: BinaryIO, folder: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_junk(entry.filename)]
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise InvalidInput.of(
                    "file",
                    say(
                        "holds more than %(most_files)s files or %(most_bytes)s bytes",
                        most_files=MOST_FILES,
                        most_bytes=MOST_BYTES,
                    ),
                )
            for entry in entries:
                target = _target(entry.filename, folder)
                if entry.compress_type not in _PACKED:
                    raise zipfile.BadZipFile(f"{target.name} is packed in another way")
                with archive.open(entry) as content:
                    data = content.read()  # never more than it says, and all together say less than MOST_BYTES
                if len(data) != entry.file_size:
                    raise zipfile.BadZipFile(f"{target.name} ends early")
                target.write_bytes(data)
    except _DAMAGE as error:
        raise InvalidInput.of("file", say("is no zip file that can be read; zip the case's folder")) from error


def _is_junk(name: str) -> bool:
    """What file managers add by themselves."""
    return "__MACOSX" in name or name.rpartition("/")[2].startswith(".")


def _target(name: str, folder: Path) -> Path:
    parts = name.replace("\\", "/").split("/")
    if parts[-1] == CASE_FILE and len(parts) <= 2:
        return folder / CASE_FILE
    if len(parts) in (2, 3) and parts[-2] == TEXTS_FOLDER and _TEXT.fullmatch(parts[-1]):
        return folder / TEXTS_FOLDER / parts[-1]
    raise InvalidInput.of(
        "file",
        say(
            "holds %(name)s; a case's folder has %(case_file)s and %(texts_folder)s/<language>.md, nothing else",
            name=f"{name[:60]!r}",
            case_file=CASE_FILE,
            texts_folder=TEXTS_FOLDER,
        ),
    )
