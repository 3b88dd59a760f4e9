"""Import of supporters against a real database: recognising people, consent, erasure, and what stands in two rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.flow.importing import BY, another_import_running, faults
from urgentaction.channels.contract import Channel, Mode
from urgentaction.core.errors import Conflict
from urgentaction.core.tables import ImportReport
from urgentaction.supporters.importing import import_supporters
from urgentaction.supporters.models import Supporter, SuppressionReason
from urgentaction.supporters.service import erase, suppress, unsubscribe

pytestmark = pytest.mark.django_db

HEADING = "name,email,phone,language,wants_email,wants_sms,consent_source,consented_at"


def table(folder: Path, *lines: str) -> Path:
    path = folder / "people.csv"
    path.write_text("\n".join([HEADING, *lines, ""]), encoding="utf-8")
    return path


def clara(
    *, email: str = "clara@a.invalid", phone: str = "+44 20 7946 0501", sms: str = "yes", at: str = "2015-05-03"
) -> str:
    return f"Clara,{email},{phone},en,{'yes' if email else 'no'},{sms},letter,{at}"


def test_a_person_is_recognised_by_address_or_number_in_any_spelling(tmp_path: Path) -> None:
    import_supporters(table(tmp_path, clara()), by=BY)
    assert import_supporters(table(tmp_path, clara(email="CLARA@A.invalid")), by=BY).created == 0
    report = import_supporters(table(tmp_path, clara(email="", phone="+44 (0)2079460501")), by=BY)
    assert (report.created, Supporter.objects.count()) == (0, 1)
    assert Supporter.objects.get().email == "CLARA@a.invalid"  # an empty cell takes no address away


def test_changes_are_taken_over(tmp_path: Path) -> None:
    import_supporters(table(tmp_path, clara()), by=BY)
    changed = clara(phone="+44 20 7946 0777").replace("Clara,", "Clara Quill,").replace(",en,", ",ko,")
    assert import_supporters(table(tmp_path, changed), by=BY) == ImportReport(updated=1)
    person = Supporter.objects.get()
    assert (person.name, person.phone, person.language) == ("Clara Quill", "+442079460777", "ko")
    # The blind index moved with the number.
    assert import_supporters(table(tmp_path, clara(email="", phone="+44 20 7946 0777")), by=BY).created == 0


@pytest.mark.parametrize(
    ("second", "column"),
    [
        (clara(email="Clara@A.INVALID", phone=""), "email"),
        (clara(email="other@a.invalid"), "phone"),
    ],
)
def test_the_same_address_in_two_rows(tmp_path: Path, second: str, column: str) -> None:
    path = table(tmp_path, clara(), second.replace(",yes,letter", ",no,letter"))
    assert faults(lambda: import_supporters(path, by=BY)) == {
        f"people.csv, row 3, column {column}": "is in row 2 already; keep one of the two rows"
    }


def test_an_address_of_one_and_the_number_of_another(tmp_path: Path) -> None:
    import_supporters(table(tmp_path, clara(), clara(email="bo@a.invalid", phone="+44 20 7946 0502")), by=BY)
    path = table(tmp_path, clara(phone="+44 20 7946 0502"))
    assert faults(lambda: import_supporters(path, by=BY)) == {
        "people.csv, row 2, column phone": (
            "belongs to another supporter than the mail address does; correct one of the two"
        )
    }


def test_two_rows_for_one_supporter(tmp_path: Path) -> None:
    import_supporters(table(tmp_path, clara()), by=BY)
    path = table(tmp_path, clara(phone="", sms="no"), clara(email="new@a.invalid"))
    assert faults(lambda: import_supporters(path, by=BY)) == {
        "people.csv, row 3, column phone": "belongs to the supporter of row 2; keep one of the two rows"
    }


def test_broken_rows_leave_nothing_behind_and_come_in_order(tmp_path: Path) -> None:
    path = table(tmp_path, clara(), "a,b", clara(email="bo@a.invalid", phone="12"), '"open', clara(phone="", sms="no"))
    found = faults(lambda: import_supporters(path, by=BY))
    assert list(found) == [
        "people.csv, row 3",
        "people.csv, row 4, column phone",
        "people.csv, row 5",
        "people.csv, row 6, column email",
    ]


def test_an_old_table_does_not_undo_an_unsubscription(tmp_path: Path) -> None:
    path = table(tmp_path, clara())
    import_supporters(path, by=BY)
    unsubscribe(Supporter.objects.get().id, source="link")
    report = import_supporters(path, by=BY)
    assert report.unchanged == 1
    assert report.warnings == (
        "row 2: an address is on the suppression list and gets nothing",
        "row 2: what was taken back stays so; to agree again needs a later consented_at",
    )
    person = Supporter.objects.get()
    assert (person.wants_email, person.wants_sms) == (False, True)
    import_supporters(table(tmp_path, clara(at="2016-01-01")), by=BY)
    person = Supporter.objects.get()
    assert (person.wants_email, person.consented_at) == (True, datetime(2016, 1, 1, tzinfo=UTC))


def test_a_table_can_take_consent_back_at_once(tmp_path: Path) -> None:
    import_supporters(table(tmp_path, clara()), by=BY)
    assert import_supporters(table(tmp_path, clara(sms="no")), by=BY) == ImportReport(updated=1)
    assert not Supporter.objects.get().wants_sms


def test_who_was_erased_stays_erased(tmp_path: Path) -> None:
    path = table(tmp_path, clara(), clara(email="bo@a.invalid", phone="+44 20 7946 0502"))
    import_supporters(path, by=BY)
    erase(Supporter.objects.order_by("id")[0].id)
    report = import_supporters(path, by=BY)
    assert report.created == 0
    assert report.warnings == ("row 2: left out; these people asked to be forgotten after they agreed",)
    assert Supporter.objects.filter(erased_at=None).count() == 1


def test_a_stop_from_before_is_told(tmp_path: Path) -> None:
    suppress(Channel.SMS, "+442079460501", reason=SuppressionReason.STOP, source="reply STOP")
    report = import_supporters(table(tmp_path, clara()), by=BY)
    assert report.created == 1
    assert report.warnings == ("row 2: an address is on the suppression list and gets nothing",)


def test_real_addresses_are_taken_with_a_warning_in_sandbox_mode(tmp_path: Path, settings: Any) -> None:
    lines = [clara(email=f"p{n}@corp-mail.net", phone="", sms="no") for n in range(30)]
    report = import_supporters(table(tmp_path, *lines), by=BY)
    assert report.created == 30
    named = ", ".join(str(number) for number in range(2, 22))
    [warning] = report.warnings
    assert warning.startswith(f"rows {named}, … (30 in all): an address is outside the reserved test ranges")
    settings.MODE = Mode.LIVE
    assert import_supporters(table(tmp_path, *lines), by=BY).warnings == ()


def test_the_order_of_the_table_is_kept(tmp_path: Path) -> None:
    emails = [f"p{n:04}@a.invalid" for n in range(2500)]
    import_supporters(table(tmp_path, *(clara(email=email, phone="", sms="no") for email in emails)), by=BY)
    assert [person.email for person in Supporter.objects.order_by("id")] == emails


def test_statements_grow_with_chunks_not_with_rows(tmp_path: Path) -> None:
    path = table(tmp_path, *(clara(email=f"p{n}@a.invalid", phone="", sms="no") for n in range(1500)))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        import_supporters(path, by=BY)
    assert len(queries) < 30
    with CaptureQueriesContext(connection) as queries:
        import_supporters(path, by=BY)
    assert len(queries) < 30


def test_two_imports_at_once_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, clara())
    with another_import_running(), pytest.raises(Conflict, match="another import is running"):
        import_supporters(path, by=BY)
