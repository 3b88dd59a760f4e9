"""Letters before the public: whose consent is applied, what an embargo and a withdrawal do, what is written down."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client

from tests.flow.world import TEXT, World
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry
from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.cases.models import CaseText, Person, StatusUpdate
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotFound, TemplateError
from urgentaction.deliveries.models import HumanTask
from urgentaction.letters.models import Letter
from urgentaction.letters.published import (
    Standing,
    newer_update,
    public_updates,
    publication_at,
    shown_publications,
    standing_of,
)
from urgentaction.letters.publishing import (
    GRAVE,
    Terms,
    publish_letter,
    publish_update,
    withdraw_publication,
    withdraw_update,
)

pytestmark = pytest.mark.django_db

SECRET = "Sample Confidential"


@pytest.fixture
def alert(here: World) -> Alert:
    """A running alert with frozen letters, about somebody whom the government may name and the public may not."""
    Person.objects.create(
        case=here.case,
        key="person-1",
        confidential_name=SECRET,
        pseudonym="Mr S",
        descriptions={"en": "a man of thirty"},
        shown_to_government="name",
        shown_to_public="description",
    )
    CaseText.objects.filter(case=here.case).update(
        markdown=TEXT.replace("The two are **refugees**.", "{{ name }} and another are refugees.")
    )
    return here.start()


def publish(alert: Alert, **terms: object) -> str:
    return publish_letter(alert, Terms(**terms), by="cli:ada").slug  # type: ignore[arg-type]


def test_it_is_rendered_for_the_public_and_frozen(alert: Alert) -> None:
    row = publication_at(publish(alert))
    assert row is not None
    assert row.slug == "ua-2026-0001-1-two-refugees-at-risk-of-forced-return"
    (edition,) = row.editions.all()
    assert edition.title == "Letter from Urgent Action Network to The president, Office of the president"
    assert edition.parts["addressee"][:2] == ["The president", "Office of the president"]
    assert "+82 2-770-4721" in " ".join(edition.parts["addressee"])  # as printed
    assert "2025550101" not in edition.text + str(edition.parts)  # never what is dialled
    assert edition.sha256 == hashlib.sha256(bytes(edition.pdf)).hexdigest()
    assert bytes(edition.pdf).startswith(b"%PDF")
    assert standing_of(row) is Standing.SHOWN
    entry = AuditEntry.objects.get(action="letter.publish")
    assert (entry.actor, entry.detail["languages"]) == ("cli:ada", "en")


def test_it_prints_the_date_of_the_letter_that_was_sent(alert: Alert) -> None:
    with time_machine.travel(clock.now() + timedelta(days=3)):
        row = publication_at(publish(alert))
    assert row is not None
    frozen = Letter.objects.filter(alert=alert, role="to").get()
    assert row.editions.get().parts["date_line"] in frozen.text


@pytest.mark.parametrize("spelling", [SECRET, SECRET.upper(), "Sample\n Confidential"])
def test_a_name_that_the_public_may_not_have_stops_it(alert: Alert, spelling: str) -> None:
    text = alert.case.texts.get()
    text.markdown = text.markdown.replace("They are held", f"{spelling} is held")
    text.save()
    with pytest.raises(TemplateError, match="person-1") as refusal:
        publish(alert)
    assert SECRET.casefold() not in str(refusal.value).casefold()


def call_it(alert: Alert, subject: str) -> None:
    """A subject that only the address is made of: the text has a "Re:" line and a title of its own."""
    text = alert.case.texts.get()
    text.markdown = f"## public_title\nTwo refugees\n\n## re_line\nTwo refugees\n\n{text.markdown}"
    text.save()
    alert.case.subjects = {"en": subject}
    alert.case.save()


def test_a_name_in_its_address_stops_it(alert: Alert) -> None:
    call_it(alert, f"The arrest of {SECRET}")
    with pytest.raises(TemplateError, match="person-1 in the address") as refusal:
        publish(alert)
    assert SECRET.casefold() not in str(refusal.value).casefold()


def test_under_embargo_it_is_as_if_there_was_nothing(alert: Alert) -> None:
    until = clock.now() + timedelta(hours=2)
    row = publication_at(publish(alert, embargo_until=until))
    assert standing_of(row) is Standing.NOTHING
    assert shown_publications() == []
    with time_machine.travel(until + timedelta(seconds=1)):
        assert standing_of(row) is Standing.SHOWN
        assert shown_publications() == [row]


def test_the_embargo_of_its_case_counts_too(alert: Alert) -> None:
    row = publication_at(publish(alert))
    assert row is not None
    row.alert.case.embargo_until = clock.now() + timedelta(hours=1)
    assert standing_of(row) is Standing.NOTHING


def test_withdrawn_is_gone_and_can_be_published_at_another_address(alert: Alert) -> None:
    slug = publish(alert)
    with pytest.raises(Conflict, match="is published as"):
        publish(alert)
    withdraw_publication(slug, why="the family asked for it", by="cli:ada")
    assert standing_of(publication_at(slug)) is Standing.GONE
    assert shown_publications() == []
    with pytest.raises(Conflict):
        withdraw_publication(slug, why="again", by="cli:ada")
    assert publish(alert) == f"{slug}-2"
    assert "family" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_a_withdrawal_needs_a_reason_and_a_letter(alert: Alert) -> None:
    with pytest.raises(InvalidInput, match="why"):
        withdraw_publication("nothing", why=" ", by="cli:ada")
    with pytest.raises(NotFound):
        withdraw_publication("nothing", why="because", by="cli:ada")


def test_consent_taken_back_takes_the_letter_away(alert: Alert) -> None:
    person = alert.case.persons.get()
    person.shown_to_public = "pseudonym"
    person.save()
    slug = publish(alert)
    assert standing_of(publication_at(slug)) is Standing.SHOWN
    person.shown_to_public = "description"
    person.save()
    assert standing_of(publication_at(slug)) is Standing.GONE
    assert shown_publications() == []


def test_more_consent_than_before_changes_nothing(alert: Alert) -> None:
    slug = publish(alert)
    alert.case.persons.update(shown_to_public="pseudonym")
    assert standing_of(publication_at(slug)) is Standing.SHOWN


def test_what_nobody_approved_is_not_published(alert: Alert) -> None:
    StandingApproval.objects.update(revoked_at=alert.created_at)
    with pytest.raises(Conflict, match="approval"):
        publish(alert)


def test_a_draft_is_not_published(here: World) -> None:
    draft = here.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
    with pytest.raises(Conflict, match="no frozen letter"):
        publish(draft)


def test_a_correction_takes_the_place_of_what_it_corrects(alert: Alert) -> None:
    first = publish(alert)
    second = publish(alert, corrects=first, correction={"en": "The date of the arrest was wrong."})
    assert [row.slug for row in shown_publications()] == [second]
    assert standing_of(publication_at(first)) is Standing.SHOWN  # still there, for whoever has its address
    with pytest.raises(NotFound):
        publish(alert, corrects="something-else", correction={"en": "x"})


def test_a_letter_is_corrected_once_and_then_its_correction(alert: Alert) -> None:
    first, wrong = publish(alert), {"en": "The date of the arrest was wrong."}
    second = publish(alert, corrects=first, correction=wrong)
    with pytest.raises(Conflict, match=f"corrected by {second} already"):
        publish(alert, corrects=first, correction=wrong)
    third = publish(alert, corrects=second, correction=wrong)
    assert [row.slug for row in shown_publications()] == [third]
    withdraw_publication(third, why="it was right", by="cli:ada")
    publish(alert, corrects=second, correction=wrong)


def update_of(here: World, status: Status, *, confidence: Confidence = Confidence.CONFIRMED) -> StatusUpdate:
    return here.update(status, confidence=confidence).update


def test_news_is_public_only_by_decision(here: World, alert: Alert) -> None:
    row = publication_at(publish(alert))
    assert row is not None
    assert [one.status for one in public_updates(here.case)] == ["return_imminent"]
    released = update_of(here, Status.RELEASED)
    row = publication_at(row.slug)
    assert row is not None
    assert newer_update(row) is None
    publish_update(released, by="cli:ada")
    assert newer_update(row) == released
    assert [one.status for one in public_updates(here.case)] == ["released", "return_imminent"]
    assert withdraw_update(released, by="cli:ada")
    assert newer_update(row) is None


def test_the_family_comes_before_the_public(here: World, alert: Alert) -> None:
    with pytest.raises(Conflict, match="family"):
        publish_update(update_of(here, Status.EXECUTED), by="cli:ada")


def test_a_rumour_is_not_public(here: World, alert: Alert) -> None:
    with pytest.raises(Conflict, match="rumour"):
        publish_update(update_of(here, Status.RELEASED, confidence=Confidence.RUMOURED), by="cli:ada")


def about(alert: Alert, status: Status, *, confidence: Confidence = Confidence.CONFIRMED) -> Alert:
    """The alert, as if its letters told of this; nobody has told the family."""
    assert alert.update is not None
    StatusUpdate.objects.filter(id=alert.update.id).update(status=status.value, confidence=confidence.value)
    return Alert.objects.get(id=alert.id)


def tell_the_family(here: World, status: Status, *, of: tuple[str, ...] = ()) -> None:
    told = UpdateText(
        status=status,
        confidence=Confidence.CONFIRMED,
        as_of=date(2026, 11, 21),
        reported_at=clock.now(),
        person_keys=of,
        is_family_informed=True,
    )
    pipeline.report_update(here.case.reference, told, by="cli:test")


@pytest.mark.parametrize("status", sorted(GRAVE))
def test_the_family_comes_before_a_letter_too(here: World, alert: Alert, status: Status) -> None:
    alert = about(alert, status)
    with pytest.raises(Conflict, match="family"):
        publish(alert)
    assert public_updates(here.case) == []
    tell_the_family(here, status)
    assert standing_of(publication_at(publish(alert))) is Standing.SHOWN
    assert [one.status for one in public_updates(here.case)] == [status]


def test_another_family_was_told(here: World, alert: Alert) -> None:
    Person.objects.create(case=here.case, key="person-2", descriptions={"en": "a woman"})
    alert = about(alert, Status.DIED)
    assert alert.update is not None
    alert.update.persons.set([here.case.persons.get(key="person-1")])
    tell_the_family(here, Status.DIED, of=("person-2",))
    with pytest.raises(Conflict, match="family"):
        publish(alert)
    tell_the_family(here, Status.DIED, of=("person-1",))
    publish(alert)


def test_a_letter_about_a_rumour_is_not_public(alert: Alert) -> None:
    with pytest.raises(Conflict, match="rumour"):
        publish(about(alert, Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED))


def test_a_letter_without_an_update_of_its_own_tells_where_its_case_stands(here: World, alert: Alert) -> None:
    update_of(here, Status.DIED)
    Alert.objects.filter(id=alert.id).update(update=None)
    with pytest.raises(Conflict, match="family"):
        publish(Alert.objects.get(id=alert.id))


def test_what_was_withdrawn_during_its_embargo_never_was(alert: Alert) -> None:
    until = clock.now() + timedelta(hours=2)
    slug = publish(alert, embargo_until=until)
    withdraw_publication(slug, why="the family asked for it", by="cli:ada")
    assert standing_of(publication_at(slug)) is Standing.NOTHING
    with time_machine.travel(until + timedelta(hours=1)):
        assert standing_of(publication_at(slug)) is Standing.NOTHING


def test_what_was_withdrawn_after_its_embargo_is_gone(alert: Alert) -> None:
    until = clock.now() + timedelta(hours=2)
    slug = publish(alert, embargo_until=until)
    with time_machine.travel(until + timedelta(hours=1)):
        withdraw_publication(slug, why="the family asked for it", by="cli:ada")
        assert standing_of(publication_at(slug)) is Standing.GONE


def test_somebody_who_came_to_the_case_later_is_not_named_by_what_was_published(alert: Alert) -> None:
    text = alert.case.texts.get()
    text.markdown = text.markdown.replace("They are held", "Sample Latecomer is held")
    text.save()
    slug = publish(alert)
    pages = [f"/letters/{slug}/", f"/letters/{slug}/en/", f"/letters/{slug}/en.pdf"]
    assert [Client().get(page).status_code for page in pages] == [200, 200, 200]
    assert "Sample Latecomer" in Client().get(pages[1]).content.decode()

    late = Person.objects.create(
        case=alert.case, key="person-2", confidential_name="Sample Latecomer", descriptions={"en": "a man"}
    )
    answers = [Client().get(page) for page in pages]
    assert [answer.status_code for answer in answers] == [410, 410, 410]
    assert all(b"Latecomer" not in answer.content for answer in answers)
    assert public_updates(alert.case) == []
    task = HumanTask.objects.get(key=f"published-name:{slug}")  # one, however often it is opened
    assert "person-2" in task.advice
    assert "Latecomer" not in task.title + task.advice

    late.public_name, late.shown_to_public = "Sample Latecomer", "name"
    late.save()
    assert Client().get(pages[0]).status_code == 200


def test_no_address_names_somebody_who_was_recorded_since(alert: Alert) -> None:
    call_it(alert, "The arrest of Li Latecomer")
    slug = publish(alert)
    person = alert.case.persons.get()
    assert slug in Client().get("/letters/").content.decode()
    person.confidential_spellings = "Li Latecomer"
    person.save()
    assert Client().get(f"/letters/{slug}/").status_code == 410
    for path in ("/letters/", "/letters/feed.atom"):
        assert "latecomer" not in Client().get(path).content.decode()
    task = HumanTask.objects.get(key=f"published-name:{slug}")
    assert alert.number in task.title
    assert "latecomer" not in task.title + task.advice


def test_no_page_leads_to_an_address_that_names_somebody(alert: Alert) -> None:
    slug = publish(alert)
    alert.case.background_url = "https://e.example/free-li-latecomer"
    alert.case.save()
    assert Client().get(f"/letters/{slug}/").status_code == 200
    person = alert.case.persons.get()
    person.confidential_spellings = "Li Latecomer"
    person.save()
    assert Client().get(f"/letters/{slug}/").status_code == 410


def test_lists_show_no_title_with_a_name_that_was_recorded_since(alert: Alert) -> None:
    slug = publish(alert, titles={"en": "A letter for S. Latecomer"})
    for path in ("/letters/", "/letters/feed.atom"):
        assert slug in Client().get(path).content.decode()
    person = alert.case.persons.get()
    person.confidential_spellings = "S. Latecomer"
    person.save()
    for path in ("/letters/", "/letters/feed.atom"):
        shown = Client().get(path).content.decode()
        assert slug not in shown
        assert "Latecomer" not in shown
