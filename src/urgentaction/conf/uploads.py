"""What is uploaded is read so far and no further, whoever sends it and wherever to.

Owns only the outermost bound, before anything is kept; each form says what it takes, and says so to its user.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload

#: More than any form takes. The table of supporters has a handler of its own (`console.supporters.tables`).
MOST_BYTES = 4 * 1024 * 1024


class Bounded(FileUploadHandler):
    """Stands before the others, counts what comes, and drops a file that is too long: its form finds none."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Each file is counted by itself."""
        super().new_file(*args, **kwargs)
        self._received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:  # noqa: ARG002 - Django's signature
        """Hand it on, as long as it is not too much."""
        self._received += len(raw_data)
        if self._received > MOST_BYTES:
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The others keep it."""
