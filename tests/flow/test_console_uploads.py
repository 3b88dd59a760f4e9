"""Files that are too large or broken, at every page that takes one: an answer, never an error page."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.flow.callers import staff, text
from tests.flow.world import World
from urgentaction.accounts.models import Role
from urgentaction.cases import archive
from urgentaction.cases.models import Case
from urgentaction.console.supporters.tables import LongTable
from urgentaction.core import uploads
from urgentaction.directory.models import Office
from urgentaction.supporters.models import HandedInTable

pytestmark = pytest.mark.django_db(transaction=True)

NESTED = b"a = " + b"[" * 50_000
ENDLESS_NUMBER = b"a = " + b"1" * 5_000


@pytest.fixture
def approver() -> Client:
    return staff(Role.APPROVER)


def zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as made:
        for name, inside in files.items():
            made.writestr(name, inside)
    return content.getvalue()


def fault_at(page: str, field: str) -> str:
    """What a page says at one of its fields."""
    return " ".join(re.findall(rf'id="id_{field}_error"[^>]*>([^<]*)<', page))


class TestCases:
    def take(self, client: Client, content: bytes) -> str:
        file = SimpleUploadedFile("UA-2024-0003.zip", content)
        return text(client.post("/console/cases/import/take/", {"file": file}), 422)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "at most 2 MB"),
            (b"x" * (archive.MOST_BYTES + 1), "at most 2 MB"),
            (b"x" * (uploads.MOST_BYTES + 1), "at most 2 MB"),
            (b"PK nonsense", "is no zip file"),
            (zipped({"case.toml": b"\0" * 3_000_000}), "holds more than 60 files or 2000000 bytes"),
            (zipped({f"texts/{n}.md": b"x" for n in range(61)}), "holds more than 60 files"),
        ],
        ids=["empty", "large", "endless", "no archive", "a bomb", "many files"],
    )
    def test_what_is_wrong_with_the_file_is_said_at_its_field(
        self, approver: Client, content: bytes, words: str
    ) -> None:
        page = self.take(approver, content)
        assert words in fault_at(page, "file")
        assert not Case.objects.exists()

    @pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_an_archive_that_is_damaged_inside(self, approver: Client, method: int) -> None:
        content = bytearray(zipped({"case.toml": bytes(range(256)) * 40}, method=method))
        content[90:130] = b"\x00" * 40
        assert "is no zip file that can be read" in fault_at(self.take(approver, bytes(content)), "file")

    def test_an_archive_that_lies_about_its_sizes(self, approver: Client) -> None:
        content = zipped({"case.toml": b"\0" * 1_000_000})
        content = content.replace((1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
        assert "is no zip file that can be read" in fault_at(self.take(approver, content), "file")

    @pytest.mark.parametrize(
        ("toml", "words"),
        [
            (b"caf\xe9", "is not UTF-8; save the file as UTF-8"),
            ("reference = 'x'".encode("utf-16"), "is UTF-16; save it as UTF-8"),
            (b"a = \0", "has a NUL character"),
            (b"a = [", "is not valid TOML"),
            (NESTED, "lists within lists"),
            (ENDLESS_NUMBER, "is not valid TOML"),
        ],
        ids=["latin", "utf-16", "nul", "broken", "nested", "number"],
    )
    def test_what_is_wrong_within_is_said_with_its_place(self, approver: Client, toml: bytes, words: str) -> None:
        page = self.take(approver, zipped({"case.toml": toml, "texts/en.md": b"## who\nx\n"}))
        assert words in page
        assert "case.toml" in page


class TestDirectories:
    def show(self, client: Client, content: bytes) -> str:
        file = SimpleUploadedFile("directory.toml", content)
        return text(client.post("/console/directory/import/preview/", {"file": file}), 422)

    @pytest.mark.parametrize(
        "content", [b"", b"x" * 1_000_001, b"x\n" * 400_000, b"x" * (uploads.MOST_BYTES + 1)], ids=len
    )
    def test_too_large_or_empty_is_said_at_the_field(self, world: World, approver: Client, content: bytes) -> None:
        fault = fault_at(self.show(approver, content), "file")
        assert "1 MB" in fault or "is empty" in fault

    @pytest.mark.parametrize(("content", "words"), [(NESTED, "lists within lists"), (ENDLESS_NUMBER, "not valid TOML")])
    def test_what_no_parser_should_stumble_over(
        self, world: World, approver: Client, content: bytes, words: str
    ) -> None:
        before = Office.objects.count()
        assert words in self.show(approver, content)
        assert Office.objects.count() == before


class TestSupporters:
    def hand_in(self, client: Client, content: bytes) -> str:
        file = SimpleUploadedFile("people.csv", content)
        return text(client.post("/console/supporters/tables/hand-in/", {"table": file}))

    def test_too_large_is_said_at_the_field(self, approver: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LongTable, "most_bytes", 1000)
        assert "at most 20 MB" in fault_at(self.hand_in(approver, b"x" * 200_000), "table")
        assert not HandedInTable.objects.exists()

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"caf\xe9", "is not UTF-8"),
            ("name,email".encode("utf-16"), "is UTF-16"),
            (b"name\0", "has a NUL character"),
            (b"\n" * 100_001, "is empty"),
            (b"name\n" * 100_001, "at most 100,000 are taken here"),
        ],
        ids=["latin", "utf-16", "nul", "nothing", "many rows"],
    )
    def test_no_table_is_said_at_the_field(self, approver: Client, content: bytes, words: str) -> None:
        assert words in fault_at(self.hand_in(approver, content), "table")
        assert not HandedInTable.objects.exists()


@pytest.mark.parametrize(("rules", "words"), [(NESTED, "lists within lists"), (ENDLESS_NUMBER, "is not TOML")])
def test_the_rules_to_try_are_read_with_the_same_care(rules: bytes, words: str) -> None:
    administrator = staff(Role.ADMINISTRATOR)
    answer = administrator.post("/console/settings/rules/try/replay/", {"text": rules.decode()})
    assert answer.status_code < 500
    assert words in fault_at(answer.content.decode(), "text")
