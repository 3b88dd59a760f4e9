"""The table of supporters as people hand it in: what is understood, and what each fault is called."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from urgentaction.core.errors import InvalidInput
from urgentaction.supporters.table import COLUMNS, REQUIRED, SupporterRow, read_supporters

GOOD = {
    "name": "Clara Quill",
    "email": "clara@supporters.invalid",
    "phone": "+44 20 7946 0501",
    "language": "en",
    "time_zone": "Europe/London",
    "wants_email": "yes",
    "wants_sms": "no",
    "may_override_quiet_hours": "no",
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "consent_source": "letter",
    "consented_at": "2015-05-03",
}


def table(path: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path


def one(path: Path, **changes: str) -> SupporterRow:
    rows, problems = read_supporters(table(path, GOOD | changes))
    assert problems == []
    assert len(rows) == 1
    return rows[0]


def faults(path: Path, *rows: dict[str, str]) -> dict[str, str]:
    _, problems = read_supporters(table(path, *rows))
    return {problem.field: problem.message for problem in problems}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def test_a_row_is_read_in_its_one_spelling(path: Path) -> None:
    row = one(path, email="Clara.Q@SUPPORTERS.Invalid", phone="+44 (0)20 7946-0501", wants_sms="TRUE", wants_email="0")
    assert row.number == 2
    assert row.values == {
        "name": "Clara Quill",
        "email": "Clara.Q@supporters.invalid",
        "phone": "+442079460501",
        "language": "en",
        "time_zone": "Europe/London",
        "wants_email": False,
        "wants_sms": True,
        "may_override_quiet_hours": False,
        "quiet_from": time(22),
        "quiet_until": time(7),
        "consent_source": "letter",
        # In May London is an hour ahead of UTC: a day begins where the supporter lives.
        "consented_at": datetime(2015, 5, 2, 23, tzinfo=UTC),
    }


def test_what_may_be_left_empty(path: Path) -> None:
    row = one(path, name="", phone="", time_zone="", quiet_from="", quiet_until="", may_override_quiet_hours="")
    assert row.phone_index is None
    assert (row.values["time_zone"], row.values["quiet_from"], row.values["phone"]) == ("UTC", None, "")


def test_columns_that_may_be_missing(path: Path) -> None:
    columns = tuple(column for column in COLUMNS if column in REQUIRED)
    rows, problems = read_supporters(table(path, {key: GOOD[key] for key in columns}, columns=columns))
    assert problems == []
    assert rows[0].values["time_zone"] == "UTC"


@pytest.mark.parametrize("text", ["2015-05-03T10:00+09:00", "2015-05-03T01:00:00Z", "2015-05-03 01:00:00+00:00"])
def test_a_moment_of_consent(path: Path, text: str) -> None:
    assert one(path, consented_at=text).values["consented_at"] == datetime(2015, 5, 3, 1, tzinfo=UTC)


def test_a_formula_is_text(path: Path) -> None:
    assert one(path, name="=HYPERLINK(1)").values["name"] == "=HYPERLINK(1)"


def test_names_in_any_script_are_composed(path: Path) -> None:
    decomposed = "\u1112\u1161\u11ab\u1100\u1167\u11af"  # as macOS writes 한결
    assert one(path, name=decomposed).values["name"] == "한결"
    assert one(path, name="ليلى المنصوري").values["name"] == "ليلى المنصوري"


@pytest.mark.parametrize(
    ("column", "text", "words"),
    [
        ("email", "clara at supporters.invalid", "is not a mail address"),
        ("email", "", "is empty, and wants_email says yes"),
        ("phone", "020 7946 0501", "is not one telephone number that can be dialled"),
        ("phone", "+44 20 7946 0501 ext. 7", "without extension"),
        ("phone", "+44 20 7946 0501 / 0502", "is not one telephone number"),
        ("language", "xx", "“xx” is not a language we write in; choose from en, ko, fr, es, ru, zh-Hans, ar, ja"),
        ("language", "", "is empty; choose from en, ko"),
        ("time_zone", "Asia/Soul", "“Asia/Soul” is not a time zone; did you mean Asia/Seoul?"),
        ("wants_sms", "maybe", "“maybe” is neither yes nor no"),
        ("quiet_from", "25:00", "“25:00” is not a time; write it like 22:00"),
        ("quiet_from", "", "is empty; quiet hours need both ends"),
        ("quiet_until", "22:00", "is the same as quiet_from"),
        ("consent_source", "", "is empty; say in up to 120 characters where the consent was given"),
        ("consent_source", "x" * 121, "has 121 characters"),
        ("consented_at", "", "is empty; write it like 2024-05-03"),
        ("consented_at", "3 May 2015", "“3 May 2015” is not a day or time"),
        ("consented_at", "2015-02-30", "is not a day or time"),
        ("consented_at", "2015-05-03T10:00", "has no time zone"),
        ("consented_at", "2999-01-01", "2999-01-01 is in the future"),
        ("name", "Clara\u2028Bcc", "has a line break or control character in it"),
        ("name", "x" * 201, "has 201 characters"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_row_and_column(path: Path, column: str, text: str, words: str) -> None:
    found = faults(path, GOOD, GOOD | {column: text})
    assert list(found) == [f"people.csv, row 3, column {column}"]
    assert words in found[f"people.csv, row 3, column {column}"]


def test_no_address_at_all(path: Path) -> None:
    found = faults(path, GOOD | {"email": "", "phone": "", "wants_email": "no"})
    assert found == {
        "people.csv, row 2, column email": "there is neither a mail address nor a number; give one, or both"
    }


def test_an_sms_needs_a_number(path: Path) -> None:
    found = faults(path, GOOD | {"phone": "", "wants_sms": "yes"})
    assert found == {"people.csv, row 2, column phone": "is empty, and wants_sms says yes; add the number or write no"}


def test_every_fault_is_told_at_once_and_nobody_is_named(path: Path) -> None:
    bad = {"email": "clara@quill@x", "phone": "7946 0599", "language": "zz", "consented_at": "soon"}
    found = faults(path, GOOD | bad, GOOD, GOOD | {"wants_email": "?"})
    assert list(found) == [
        "people.csv, row 2, column email",
        "people.csv, row 2, column phone",
        "people.csv, row 2, column language",
        "people.csv, row 2, column consented_at",
        "people.csv, row 4, column wants_email",
    ]
    assert "quill" not in " ".join(found.values())
    assert "0599" not in " ".join(found.values())


def raw(path: Path, content: bytes) -> tuple[list[SupporterRow], dict[str, str]]:
    path.write_bytes(content)
    rows, problems = read_supporters(path)
    return rows, {problem.field: problem.message for problem in problems}


HEADING = ",".join(COLUMNS).encode()
LINE = ",".join(GOOD.values()).encode()


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(path: Path, ending: bytes, mark: bytes) -> None:
    rows, problems = raw(path, mark + ending.join([HEADING, LINE, b"", b"," * (len(COLUMNS) - 1), b""]))
    assert problems == {}
    assert [row.number for row in rows] == [2]


def test_a_row_with_too_few_or_too_many_cells(path: Path) -> None:
    rows, problems = raw(path, b"\n".join([HEADING, b"a,b", LINE, LINE + b",x"]))
    assert [row.number for row in rows] == [3]
    assert list(problems) == ["people.csv, row 2", "people.csv, row 4"]
    assert "has 2 cells, the heading has 12" in problems["people.csv, row 2"]
    assert "has 13 cells" in problems["people.csv, row 4"]


def test_an_open_quotation_mark_spoils_one_row_only(path: Path) -> None:
    rows, problems = raw(path, b"\n".join([HEADING, b'"' + LINE, LINE, b'"Clara" Quill,' + LINE]))
    assert [row.number for row in rows] == [3]
    assert list(problems) == ["people.csv, row 2", "people.csv, row 4"]
    assert all("a quotation mark is not closed, or has text after it" in words for words in problems.values())


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        (b"", "people.csv, row 1", "is empty; it has to name the columns: name, email"),
        (HEADING.replace(b",", b";"), "people.csv, row 1", "not separated by commas"),
        (HEADING.replace(b"phone,", b""), "people.csv, row 1", "column phone is missing; add it"),
        (HEADING.replace(b"phone", b"fone"), "people.csv, row 1", "column “fone” is not known; did you mean phone?"),
        (HEADING + b",zodiac", "people.csv, row 1", "column “zodiac” is not known; take it out"),
        (HEADING + b",email", "people.csv, row 1", "column email is there 2 times; keep one"),
        (HEADING + b"\n" + LINE.replace(b"Clara", b"Cl\xe9ra"), "people.csv, line 2", "is not UTF-8"),
        (HEADING.decode().encode("utf-16"), "people.csv", "is UTF-16; save it as UTF-8"),
        (HEADING + b"\n" + LINE.replace(b"Clara", b"Cl\0ra"), "people.csv, line 2", "has a NUL character"),
    ],
)
def test_a_file_that_is_no_such_table(path: Path, content: bytes, field: str, words: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        read_supporters(path)
    assert words in {problem.field: problem.message for problem in caught.value.problems}[field]


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"people\.csv: can't be read \(No such file or directory\)"):
        read_supporters(tmp_path / "people.csv")
    with pytest.raises(InvalidInput, match="is no file; name the file itself"):
        read_supporters(tmp_path)


def test_a_file_that_is_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urgentaction.core.csv_table.MOST_TABLE_BYTES", 100)
    with pytest.raises(InvalidInput, match=r"people\.csv: has \d+ bytes; at most 100 are read"):
        read_supporters(table(path, GOOD))


def test_a_cell_of_unreasonable_size(path: Path) -> None:
    _, problems = raw(path, HEADING + b"\n" + b"x" * 140_000 + LINE)
    assert "a cell has more than 131,072 characters" in problems["people.csv, row 2"]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.one_of(st.binary(max_size=400), st.text(max_size=400).map(lambda text: text.encode("utf-8"))))
def test_whatever_the_file_holds_it_is_rows_or_problems(path: Path, content: bytes) -> None:
    path.write_bytes(HEADING + b"\n" + content)
    try:
        rows, problems = read_supporters(path)
    except InvalidInput as error:
        problems, rows = error.problems, []
    assert rows == []  # nothing random is a supporter
    assert all(problem.field.startswith("people.csv") and problem.message for problem in problems)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=100).map(str.strip),
    source=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60).map(str.strip),
)
def test_what_a_spreadsheet_writes_is_read_back(path: Path, name: str, source: str) -> None:
    import unicodedata

    row = one(path, name=name, consent_source=f"at {source}")
    assert row.values["name"] == unicodedata.normalize("NFC", name)
    assert row.values["consent_source"] == unicodedata.normalize("NFC", f"at {source}").strip()
