"""Templates as staff change them: drafts, reviews, races, roll-backs, and what letters that were sent say about it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.flow.world import World
from urgentaction.accounts.models import AuditEntry
from urgentaction.accounts.service import verify_audit
from urgentaction.cases.vocabulary import Status
from urgentaction.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, UrgentActionError
from urgentaction.letters import templates, versions
from urgentaction.letters.examination import Draft, examine
from urgentaction.letters.library import Library, shipped
from urgentaction.letters.lint import Finding
from urgentaction.letters.models import TemplateState, TemplateVersion
from urgentaction.letters.service import template
from urgentaction.letters.source import Family
from urgentaction.letters.templates import (
    approve_template,
    draft_template,
    reject_template,
    return_to_shipped,
    roll_back_template,
    submit_template,
)
from urgentaction.letters.versions import TemplateName

LETTER = TemplateName(Family.LETTERS, "first_appeal", "en")
ADA, BEA, CEM = "user:ada", "user:bea", "user:cem"


@pytest.fixture(autouse=True)
def _examined_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same examination in this process and once for each text; its own process has tests of its own."""
    known: dict[str, tuple[Finding, ...]] = {}

    def examined(draft: Draft, **_options: object) -> tuple[Finding, ...]:
        if draft.text not in known:
            known[draft.text] = examine(draft)
        return known[draft.text]

    monkeypatch.setattr(templates, "examine_confined", examined)


def shipped_text() -> str:
    return shipped(*name_parts(LETTER)).text


def name_parts(name: TemplateName) -> tuple[Family, str, str]:
    return name.family, name.kind, name.language


def drafted(line: str, *, by: str = ADA, based_on: int | None = None) -> TemplateVersion:
    """The shipped letter with a line of its own at the end."""
    return draft_template(
        LETTER, text=f"{shipped_text().rstrip()}\n\n{line}\n", by=by, note=f"adds: {line}", based_on=based_on
    )


def in_review(line: str, **options: object) -> TemplateVersion:
    return submit_template(drafted(line, **options).id, by=ADA)  # type: ignore[arg-type]


def live(line: str) -> TemplateVersion:
    return approve_template(in_review(line).id, by=BEA)


def states() -> list[tuple[int, str]]:
    return list(TemplateVersion.objects.order_by("number").values_list("number", "state"))


def in_force() -> str:
    return template(*name_parts(LETTER)).text


@pytest.mark.django_db
def test_a_text_goes_from_draft_to_letters_through_a_second_person() -> None:
    version = drafted("We remain at your disposal.")
    assert (version.number, version.state) == (1, TemplateState.DRAFT)
    assert in_force() == shipped_text()
    submit_template(version.id, by=ADA)
    assert in_force() == shipped_text()
    approve_template(version.id, by=BEA, comment="good")
    source = template(*name_parts(LETTER))
    assert source.name == "letters/first_appeal/en.md version 1"
    assert "at your disposal" in source.text
    assert source.version == version.id
    deeds = AuditEntry.objects.order_by("id").values_list("actor", "action", "subject")
    assert list(deeds) == [
        (ADA, "template.draft", "template:letters/first_appeal/en#1"),
        (ADA, "template.submit", "template:letters/first_appeal/en#1"),
        (BEA, "template.approve", "template:letters/first_appeal/en#1"),
    ]
    assert verify_audit()[1] is None


@pytest.mark.django_db
def test_nobody_approves_what_they_wrote() -> None:
    version = in_review("One more line.")
    with pytest.raises(NotAllowed, match="another person has to approve it"):
        approve_template(version.id, by=ADA)
    assert states() == [(1, "in_review")]


@pytest.mark.django_db
def test_a_draft_is_not_approved_before_it_is_submitted() -> None:
    version = drafted("One more line.")
    with pytest.raises(Conflict, match="is draft; only one that is in review can be approved"):
        approve_template(version.id, by=BEA)


@pytest.mark.django_db
def test_a_text_with_errors_is_not_saved_and_every_error_is_told() -> None:
    text = shipped_text().replace("case.texts.demands", "case.demands") + "\nSee http://e.example\n"
    with pytest.raises(InvalidInput) as caught:
        draft_template(LETTER, text=text, by=ADA, note="x")
    told = str(caught.value)
    assert "'demands' is no field of case" in told
    assert "write https://" in told
    assert not TemplateVersion.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_warnings_are_kept_for_the_reviewer() -> None:
    version = drafted("Look at www.safepassage.example.")
    assert any("www.safepassage.example is no link" in one["message"] for one in version.warnings)
    version.refresh_from_db()
    assert version.warnings


@pytest.mark.django_db
def test_saving_without_a_change_or_a_note_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"nothing was changed: it is the text of letters/first_appeal/en\.md"):
        draft_template(LETTER, text=shipped_text(), by=ADA, note="x")
    with pytest.raises(InvalidInput, match="say what you changed"):
        draft_template(LETTER, text=shipped_text() + "\nx", by=ADA, note=" ")


@pytest.mark.django_db
def test_a_rejection_needs_a_reason_and_ends_the_version() -> None:
    version = in_review("Too blunt.")
    with pytest.raises(InvalidInput, match="say why"):
        reject_template(version.id, by=BEA, comment="")
    reject_template(version.id, by=BEA, comment="too blunt")
    with pytest.raises(Conflict, match="is rejected; only one that is in review"):
        approve_template(version.id, by=CEM)
    assert in_force() == shipped_text()


@pytest.mark.django_db
def test_a_version_takes_the_place_of_the_one_before() -> None:
    live("First.")
    live("Second.")
    assert states() == [(1, "retired"), (2, "live")]
    assert TemplateVersion.objects.get(number=1).retired_why == "replaced by version 2"
    assert "Second." in in_force()


@pytest.mark.django_db
def test_an_outdated_draft_is_approved_only_on_purpose() -> None:
    outdated = in_review("Written from the shipped file.")
    live("Overtook it.")
    with pytest.raises(Conflict, match="was written from the shipped file, and version 2 is in force"):
        approve_template(outdated.id, by=BEA)
    assert "Overtook it." in in_force()
    approve_template(outdated.id, by=BEA, is_outdated_allowed=True)
    assert states() == [(1, "live"), (2, "retired")]


@pytest.mark.django_db
def test_a_draft_from_an_older_file_is_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    version = in_review("Written from the old file.")
    newer = shipped(Family.LETTERS, "first_appeal", "ko")
    monkeypatch.setattr(versions, "shipped_or_none", lambda *_name: newer)
    with pytest.raises(Conflict, match="the shipped file has changed since it was written"):
        approve_template(version.id, by=BEA)


@pytest.mark.django_db
def test_a_newer_file_is_noticed_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    live("Ours.")
    before = {str(one.name): one for one in versions.overview(Family.LETTERS)}
    assert before[str(LETTER)].live == 1
    assert not before[str(LETTER)].has_newer_file
    newer = shipped(Family.LETTERS, "first_appeal", "ko")
    monkeypatch.setattr(versions, "shipped_or_none", lambda *_name: newer)
    after = {str(one.name): one for one in versions.overview(Family.LETTERS)}
    assert after[str(LETTER)].has_newer_file


@pytest.mark.django_db
def test_rolling_back_is_a_new_version_with_the_old_text_and_a_reason() -> None:
    first = live("First.")
    live("Second, a mistake.")
    third = roll_back_template(LETTER, to=1, by=BEA, why="the second had a wrong date")
    assert states() == [(1, "retired"), (2, "retired"), (3, "live")]
    assert (third.text, third.sha256, third.same_as_id) == (first.text, first.sha256, first.id)
    assert third.review_comment == "rolled back to version 1, reviewed by user:bea"
    assert TemplateVersion.objects.get(number=2).retired_why.endswith("the second had a wrong date")
    assert "First." in in_force()


@pytest.mark.django_db
def test_rolling_back_is_no_way_around_review() -> None:
    version = in_review("Never reviewed.")
    with pytest.raises(Conflict, match="was never in force"):
        roll_back_template(LETTER, to=version.number, by=ADA, why="hurry")
    with pytest.raises(NotFound, match="has no version 7; there are: 1"):
        roll_back_template(LETTER, to=7, by=ADA, why="hurry")
    live("Live.")
    with pytest.raises(Conflict, match="is in force already"):
        roll_back_template(LETTER, to=2, by=ADA, why="hurry")


@pytest.mark.django_db
def test_back_to_the_shipped_file() -> None:
    live("Ours.")
    retired = return_to_shipped(LETTER, by=BEA, why="the new file says it better")
    assert retired.retired_why == "back to the shipped file: the new file says it better"
    assert template(*name_parts(LETTER)).name == "letters/first_appeal/en.md"
    with pytest.raises(Conflict, match="is in force already"):
        return_to_shipped(LETTER, by=BEA, why="again")


# What the database itself holds.


@pytest.mark.django_db
def test_the_database_refuses_to_change_a_text() -> None:
    version = live("As it was sent.")
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        TemplateVersion.objects.filter(id=version.id).update(text="something else")
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        TemplateVersion.objects.filter(id=version.id).update(author="user:somebody")


@pytest.mark.django_db
def test_the_database_refuses_a_second_live_version() -> None:
    live("First.")
    second = drafted("Second.")
    with pytest.raises(IntegrityError, match="template_one_live"), transaction.atomic():
        TemplateVersion.objects.filter(id=second.id).update(state="live")


# Several people at once.


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """Each in a thread with a connection of its own, all let go together. Returns results or errors, in order."""
    gate = threading.Barrier(len(deeds))
    results: list[object] = [None] * len(deeds)

    def run(place: int, deed: Callable[[], object]) -> None:
        try:
            gate.wait(timeout=30)
            results[place] = deed()
        except UrgentActionError as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, deed)) for place, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_two_approvals_at_once_one_wins(transactional_db: None) -> None:
    version = in_review("Approved twice.")
    results = at_once(lambda: approve_template(version.id, by=BEA), lambda: approve_template(version.id, by=CEM))
    assert sorted(type(one).__name__ for one in results) == ["Conflict", "TemplateVersion"]
    assert AuditEntry.objects.filter(action="template.approve").count() == 1
    assert states() == [(1, "live")]


def test_of_two_rival_versions_one_wins_and_the_other_is_outdated(transactional_db: None) -> None:
    first, second = in_review("One."), in_review("Other.")
    results = at_once(lambda: approve_template(first.id, by=BEA), lambda: approve_template(second.id, by=CEM))
    (refused,) = (one for one in results if isinstance(one, UrgentActionError))
    assert "is outdated" in str(refused)
    assert sorted(state for _, state in states()) == ["in_review", "live"]


def test_drafts_saved_at_once_get_numbers_of_their_own(transactional_db: None) -> None:
    results = at_once(*(lambda n=n: drafted(f"Line {n}.") for n in range(4)))
    assert [one for one in results if isinstance(one, Exception)] == []
    assert [number for number, _ in states()] == [1, 2, 3, 4]


# Letters.


def test_letters_pin_their_version_and_keep_what_they_said(world: World) -> None:
    version = live("We remain at your disposal.")
    alert = world.start(Status.RETURN_IMMINENT)
    letters = list(alert.letters.all())
    assert letters
    assert {letter.template_version_id for letter in letters} == {version.id}
    assert {letter.template_sha256 for letter in letters} == {version.sha256}
    assert all("We remain at your disposal." in letter.text for letter in letters)
    live("Something else.")
    assert [(one.text, one.template_version_id) for one in alert.letters.all()] == [
        (letter.text, version.id) for letter in letters
    ]


def test_letters_from_a_shipped_file_pin_its_hash_alone(world: World) -> None:
    alert = world.start(Status.RETURN_IMMINENT)
    found = shipped(*name_parts(LETTER))
    assert {(one.template_version_id, one.template_sha256) for one in alert.letters.all()} == {(None, found.sha256)}
    assert {one.template_version_id for one in alert.notices.all()} == {None}


def test_notices_and_text_messages_pin_theirs(world: World) -> None:
    made = {}
    for family in (Family.NOTICES, Family.SMS):
        name = TemplateName(family, "appeal", "en")
        text = shipped(*name_parts(name)).text.replace("act", "write", 1)
        version = draft_template(name, text=text, by=ADA, note="other word")
        submit_template(version.id, by=ADA)
        made[family] = approve_template(version.id, by=BEA)
    alert = world.start(Status.RETURN_IMMINENT)
    pinned = {one.channel: one.template_version_id for one in alert.notices.all()}
    assert pinned == {"email": made[Family.NOTICES].id, "sms": made[Family.SMS].id}


@pytest.mark.django_db
def test_a_template_is_looked_up_once_for_all_letters_of_an_alert() -> None:
    live("Looked up once.")
    library = Library()
    with CaptureQueriesContext(connection) as queries:
        found = [library.template(*name_parts(LETTER)) for _ in range(20)]
    assert len(queries) == 1
    assert {one.name for one in found} == {"letters/first_appeal/en.md version 1"}
