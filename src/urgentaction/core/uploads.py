"""Files that come with a form are kept in memory, and only so much of them.

Django itself writes a file of any size into the temporary folder before a view is asked, for strangers too. That folder
is small and shared with the typesetter, and what people hand in (a case with its names) has no business on a disk.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload

#: Of all files of a request together. A case's folder may have 2 MB, the directory's file 1 MB; the table of supporters
#: has a handler of its own (`console.supporters.tables`).
MOST_BYTES = 4 * 1024 * 1024


class InMemory(MemoryFileUploadHandler):
    """Takes files whatever their length says. What is too long is read to its end and dropped."""

    most_bytes = MOST_BYTES

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Called once for each request, before its files."""
        super().handle_raw_input(*args, **kwargs)
        self.activated = True
        self._received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Count what has come. Raises StopUpload."""
        self._received += len(raw_data)
        if self._received > self.most_bytes:
            raise StopUpload(connection_reset=False)
        return super().receive_data_chunk(raw_data, start)
