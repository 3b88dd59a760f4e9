"""Consent, as a property: whatever the names, the consents and the texts, nobody reads a name they may not read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings

from tests.flow.consenting import Drawn, drawn_cases, mail_names, of_letter, of_notice, squeezed, store
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.models import CaseText, Person
from urgentaction.cases.queries import PersonAsShown
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.deliveries.announcing import consent_is_missing
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.people import close_decision
from urgentaction.letters import service, views
from urgentaction.letters.consent import ConsentError, Guard
from urgentaction.letters.models import Letter, Notice

#: Examples where a property is wanted to fail: it does so within the first few.
BROKEN = 40


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside never was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def check_letters(alert: Alert, drawn: Drawn) -> None:
    """Either the letters are refused because the text writes a hidden name out, or no form of them shows one."""
    hidden = [name for one in drawn.people for name in one.hidden_from_government()]
    if is_refused(lambda: service.freeze_letters(alert, AlertPlan.from_json(alert.plan)), drawn, hidden):
        return
    for letter in Letter.objects.filter(alert=alert):
        forms = dict(of_letter(letter))
        nobody_reads(hidden, forms.items())
        for one in filter(None, (one.government_sees() for one in drawn.people)):
            for form in ("text", "HTML", "PDF"):
                assert squeezed(one) in squeezed(forms[form]), (form, one)
    nobody_reads([name for one in drawn.people for name in one.every()], mail_names(alert))


def check_notices(alert: Alert, drawn: Drawn) -> None:
    """The same of the notices. A text message names nobody, whatever they agreed to."""
    hidden = [name for one in drawn.people for name in one.hidden_from_supporters()]
    if is_refused(lambda: service.freeze_notices(alert, AlertPlan.from_json(alert.plan)), drawn, hidden):
        return
    mail, sms = (Notice.objects.get(alert=alert, channel=channel) for channel in ("email", "sms"))
    nobody_reads(hidden, of_notice(mail))
    nobody_reads([name for one in drawn.people for name in one.every()], of_notice(sms))
    for one in filter(None, (one.supporters_see() for one in drawn.people)):
        assert squeezed(one) in squeezed(mail.text)
        assert squeezed(one) in squeezed(mail.html)


def is_refused(freeze: Callable[[], object], drawn: Drawn, hidden: list[str]) -> bool:
    """Whether freezing is refused, which it must be exactly where the text writes a hidden name out."""
    refusal = ""
    try:
        freeze()
    except ConsentError as error:
        refusal = str(error)
    is_wanted = drawn.written_out is not None and drawn.written_out[1] in hidden
    assert bool(refusal) is is_wanted, refusal
    assert not refusal or (drawn.written_out is not None and f"person-{drawn.written_out[0]} in" in refusal)
    nobody_reads(hidden, [("the refusal", refusal)])
    return is_wanted


def nobody_reads(names: Iterable[str], forms: Iterable[tuple[str, str]]) -> None:
    for form, text in forms:
        for name in names:
            assert squeezed(name) not in squeezed(text), (form, name)


def holds(alert: Alert, check: Callable[[Alert, Drawn], None], *, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        report_multiple_bugs=False,
        # Shrinking takes minutes, and where a failure is wanted, for nothing.
        phases=[Phase.explicit, Phase.generate] if examples == BROKEN else list(Phase),
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(drawn_cases())
    def property_of(drawn: Drawn) -> None:
        with undone():
            store(alert.case, drawn)
            check(alert, drawn)

    property_of()


@pytest.fixture
def alert(here: World) -> Alert:
    return here.update(Status.RETURN_IMMINENT).alerts[0]


def test_no_letter_shows_a_name_its_reader_may_not_see(alert: Alert) -> None:
    holds(alert, check_letters, examples=25)


def test_no_notice_shows_a_name_its_reader_may_not_see(alert: Alert) -> None:
    holds(alert, check_notices, examples=50)


def real_name(person: Person, *_: Any, **__: Any) -> PersonAsShown:
    """A view that forgets consent."""
    return PersonAsShown(person.key, person.confidential_name, person.is_minor, person.pronoun)


def no_guard(*_: Any, **__: Any) -> None:
    """A guard that sleeps."""


@pytest.mark.parametrize("check", [check_letters, check_notices])
def test_a_view_without_consent_is_caught(
    alert: Alert, check: Callable[[Alert, Drawn], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """These properties can fail: by the guard, which refuses, and without it, by what they read in the letters."""
    monkeypatch.setattr(views, "person_as_shown", real_name)
    with pytest.raises(AssertionError, match="a name is written out"):
        holds(alert, check, examples=BROKEN)
    monkeypatch.setattr(Guard, "check", no_guard)
    with pytest.raises(AssertionError, match="text"):
        holds(alert, check, examples=BROKEN)


@pytest.mark.parametrize("check", [check_letters, check_notices])
def test_a_name_that_staff_wrote_out_is_caught(
    alert: Alert, check: Callable[[Alert, Drawn], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "check", no_guard)
    with pytest.raises(AssertionError):
        holds(alert, check, examples=BROKEN)


# The same once, through the whole pipeline.


def name_somebody(world: World, text: str, **consents: str) -> Person:
    """The case gets a person, and a text that speaks of them."""
    case_text = CaseText.objects.get(case=world.case)
    case_text.markdown = case_text.markdown.replace("They are held", f"{text} is held")
    case_text.save()
    return Person.objects.create(
        case=world.case,
        key="person-1",
        confidential_name="Qazul Tibvex",
        descriptions={"en": "a traveller"},
        **consents,
    )


def test_an_alert_that_would_name_somebody_stops_and_says_whom(world: World) -> None:
    name_somebody(world, "TIBVEX Qa-zul")
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    pipeline.advance_alert(alert.id)
    alert.refresh_from_db()
    assert alert.state == AlertState.WITHDRAWN
    assert not Letter.objects.exists()
    assert not Notice.objects.exists()
    task = HumanTask.objects.get(alert=alert)
    assert "person-1 in the text, line" in task.advice
    assert "azul" not in f"{task.title}{task.advice}{alert.stop_reason}"


def test_each_reader_sees_the_form_agreed_to(world: World) -> None:
    name_somebody(world, "[[person-1]]", shown_to_government="name")
    alert = world.start()
    letter, notice = Letter.objects.filter(alert=alert).first(), Notice.objects.get(alert=alert, channel="email")
    assert letter is not None
    assert "Qazul Tibvex is held at the border." in letter.text
    assert "A traveller is held at the border." in notice.text


def test_a_consent_taken_back_stops_what_is_unsent(world: World, sandbox: SandboxProgram) -> None:
    person = name_somebody(world, "[[person-1]]", shown_to_government="name")
    alert = world.start()
    person.shown_to_government = "description"
    person.save()
    seen = len(sandbox.ledger())
    assert world.send() > 0, "supporters read of a traveller, and go on being told"
    assert {entry["channel"] for entry in sandbox.ledger()[seen:]} == {"email", "sms"}
    officials = Delivery.objects.filter(alert=alert, official__isnull=False)
    assert {(row.state, row.reason) for row in officials} == {
        ("withdrawn", "names somebody who does not agree to that any more")
    }
    task = HumanTask.objects.get(key=f"consent:{alert.id}")
    assert "person-1 in the text" in task.advice
    assert "Qazul" not in f"{task.title}{task.advice}"


def test_a_notice_is_stopped_too(world: World, sandbox: SandboxProgram) -> None:
    person = name_somebody(world, "[[person-1]]", shown_to_supporters="name")
    person.public_name = "Vexmør Hatib"
    person.save()
    alert = world.start()
    assert "Vexmør Hatib is held" in Notice.objects.get(alert=alert, channel="email").text
    person.shown_to_supporters = "description"
    person.save()
    world.send()
    mails = Delivery.objects.filter(alert=alert, supporter__isnull=False, channel="email")
    assert {row.state for row in mails} == {"withdrawn"}
    assert HumanTask.objects.filter(key=f"consent:{alert.id}").count() == 1


def test_without_the_keys_to_the_names_nothing_goes_out(world: World, sandbox: SandboxProgram, settings: Any) -> None:
    settings.BACKOFF_SCALE = 1.0
    person = name_somebody(world, "[[person-1]]")
    alert = world.start()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cases_person SET confidential_name = %s WHERE id = %s", [b"\x01lost", person.id])
    seen = len(sandbox.ledger())
    world.send()
    assert len(sandbox.ledger()) == seen
    assert {row.state for row in Delivery.objects.filter(alert=alert)} == {"queued"}
    assert HumanTask.objects.filter(kind="fix_configuration", key=f"names:{world.case.id}").exists()
    due = Delivery.objects.filter(
        alert=alert, channel="email", supporter__isnull=False, due_at__lte=clock.database_now()
    )
    assert not due.exists(), "they would be chosen first, and keep everybody else's mail waiting"


def test_that_a_text_names_somebody_stays_a_task_whatever_becomes_of_the_alert(world: World) -> None:
    alert = world.start()
    consent_is_missing(alert, ConsentError("person-1 in the text, line 3"))
    close_decision(alert, by="system:alerts", result="overtaken")
    assert HumanTask.objects.get(key=f"consent:{alert.id}").done_at is None
