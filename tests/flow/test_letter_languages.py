"""The sample case from the importers to the wording of its letters and notices, in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.importing import import_case
from urgentaction.cases.models import Case, CaseText
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.directory.importing import import_directory
from urgentaction.directory.models import Office, Official
from urgentaction.letters import service, views
from urgentaction.letters.content import Audience
from urgentaction.letters.render import render_letter
from urgentaction.letters.sections import parse_sections
from urgentaction.letters.source import Family

pytestmark = pytest.mark.django_db

CASE, BY = "UA-2015-0117", "cli:tester"
#: Greeted by the forms of address alone: the directory has salutations of its own in English and Korean only.
SALUTATIONS = {
    "en": "Dear President Park,",
    "ko": "존경하는 박근혜 대통령님께,",
    "fr": "Madame la Présidente,",
    "es": "Excelentísima señora presidenta:",
    "ru": "Уважаемая госпожа Президент!",
    "zh-Hans": "尊敬的朴槿惠总统阁下：",
    "ar": "فخامة الرئيسة بارك غون هيه، تحية طيبة وبعد،",
    "ja": "謹啓",
}


@pytest.fixture
def samples(project: Path) -> Path:
    folder = project / "samples"
    import_directory(folder / "directory.toml", by=BY)
    import_case(folder / "cases" / CASE, by=BY, check_text=parse_sections)
    return folder


def alert_for(status: Status, day: date, place: str = "") -> tuple[Alert, AlertPlan]:
    told = UpdateText(status=status, confidence=Confidence.CONFIRMED, as_of=day, reported_at=clock.now(), place=place)
    [alert] = pipeline.report_update(CASE, told, by=BY, dated_on=day).alerts
    return alert, AlertPlan.from_json(alert.plan)


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_the_president_can_be_written_to(language: str) -> None:
    Office.objects.filter(slug="kr-president").update(preferred_language=language)
    alert, plan = alert_for(Status.DETAINED, date(2015, 10, 24), "Dongxing")
    targets = list(alert.targets.select_related("official__office"))
    [main] = [target for target in targets if target.role == "to"]
    assert main.language == language

    context = service.letter_context(alert, plan, main, targets, dated_on=date(2015, 10, 24))
    letter = render_letter(service.template(Family.LETTERS, "first_appeal", language), context)
    assert letter.salutation == SALUTATIONS[language]
    assert "+82 2-770-4721" in letter.text
    assert "UA-2015-0117/1" in letter.text
    assert not re.search(r"\{\{|None|Undefined", letter.text)


@pytest.mark.usefixtures("samples")
def test_a_first_appeal_has_its_notices_in_every_language() -> None:
    alert, plan = alert_for(Status.DETAINED, date(2015, 10, 24), "Dongxing")
    service.freeze_notices(alert, plan)
    for channel in (Channel.EMAIL, Channel.SMS):
        assert set(alert.notices.filter(channel=channel).values_list("language", flat=True)) == set(LETTER_LANGUAGES)


@pytest.mark.usefixtures("samples")
def test_a_follow_up_falls_back_to_english_where_it_has_no_template() -> None:
    """The languages of a case may outnumber those of a kind of notice; nobody's message is lost over it."""
    alert_for(Status.DETAINED, date(2015, 10, 24), "Dongxing")
    Office.objects.filter(slug="kr-president").update(preferred_language="fr")
    alert, plan = alert_for(Status.FATE_UNKNOWN, date(2015, 12, 2))
    assert {"en", "ko", "fr"} <= set(alert.languages)
    assert alert.targets.get(role="to").language == "fr"

    plan = replace(plan, notice_kind="update")
    service.freeze_notices(alert, plan)
    alert.refresh_from_db()
    assert alert.languages == ["en", "ko"]
    assert set(alert.notices.values_list("language", flat=True)) == {"en", "ko"}

    service.freeze_letters(alert, plan)
    assert alert.letters.get(role="to").language == "en"
    assert alert.targets.get(role="to").language == "en"


@pytest.mark.usefixtures("samples")
def test_an_addressee_nobody_can_greet_in_a_language_is_written_to_in_english() -> None:
    """Never “Dear President Park” above a French letter, and no alert that dies of a missing salutation."""
    Office.objects.filter(slug="kr-president").update(preferred_language="fr", kind="")
    alert, plan = alert_for(Status.DETAINED, date(2015, 10, 24), "Dongxing")
    assert views.addressee(Official.objects.get(slug="park-geun-hye"), "fr").salutation == ""
    service.freeze_letters(alert, plan)
    letter = alert.letters.get(role="to")
    assert letter.language == "en"
    assert "\nDear President Park,\n" in letter.text


@pytest.mark.usefixtures("samples")
def test_a_language_that_has_no_salutations_at_all_is_no_dead_end() -> None:
    CaseText.objects.create(case=Case.objects.get(reference=CASE), language="de", markdown="## who\nNeun Menschen.")
    Office.objects.filter(slug="kr-president").update(preferred_language="de")
    alert, plan = alert_for(Status.DETAINED, date(2015, 10, 24), "Dongxing")
    assert "de" in alert.languages
    service.freeze_letters(alert, plan)
    service.freeze_notices(alert, plan)
    alert.refresh_from_db()
    assert alert.letters.get(role="to").language == "en"
    assert "de" not in alert.languages


@pytest.mark.usefixtures("samples")
def test_what_the_directory_says_of_an_official_comes_before_any_form() -> None:
    official = Official.objects.select_related("office").get(slug="park-geun-hye")
    official.salutations["fr"] = "Excellence"
    official.honorifics["fr"] = "S.E.M^me"
    shown = views.addressee(official, "fr")
    assert (shown.salutation, shown.honorific) == ("Excellence", "S.E.M^me")
    assert shown.closing == "Veuillez agréer, Excellence, l’expression de ma très haute considération."

    official.addressed_as = ""
    del official.salutations["fr"], official.honorifics["fr"]
    assert views.addressee(official, "fr").salutation == "Excellence"
    assert views.addressee(official, "fr").honorific == "Son Excellence"


def test_a_king_is_written_to_in_arabic_and_his_ambassador_in_english(samples: Path) -> None:
    import_case(samples / "cases" / "UA-2022-0074", by=BY, check_text=parse_sections)
    told = UpdateText(
        status=Status.DETAINED, confidence=Confidence.CONFIRMED, as_of=date(2022, 3, 1), reported_at=clock.now()
    )
    [alert] = pipeline.report_update("UA-2022-0074", told, by=BY, dated_on=date(2022, 3, 1)).alerts
    plan = AlertPlan.from_json(alert.plan)
    targets = list(alert.targets.select_related("official__office"))
    letters = {}
    for target in targets:
        context = service.letter_context(alert, plan, target, targets, dated_on=date(2022, 3, 1))
        letters[target.role] = render_letter(service.template(Family.LETTERS, "first_appeal", target.language), context)
    arabic, copy = letters["to"], letters["cc"]
    assert arabic.language == "ar"
    assert arabic.salutation.startswith("خادم الحرمين الشريفين الملك سلمان بن عبدالعزيز آل سعود، ")
    assert arabic.closing == "وتفضلوا جلالتكم بقبول أسمى عبارات التقدير والاحترام،"
    assert "ريما بنت بندر آل سعود، سفيرة المملكة العربية السعودية في واشنطن" in arabic.text
    # The copy shows the letter as the King gets it.
    assert copy.language == "en"
    assert copy.salutation == "Your Majesty,"
    assert copy.closing == "Yours respectfully,"
    assert "The Custodian of the Two Holy Mosques, King Salman bin Abdulaziz Al Saud\nKing of Saudi Arabia" in copy.text


def test_somebody_known_by_a_pseudonym_has_no_other_name_anywhere(samples: Path) -> None:
    import_case(samples / "cases" / "UA-2010-0131", by=BY, check_text=parse_sections)
    found = Case.objects.get(reference="UA-2010-0131")
    for audience in Audience:
        assert [one.name for one in views.persons(found, audience, "en", only=())] == ["Mr S"]
    told = UpdateText(
        status=Status.RETURN_IMMINENT, confidence=Confidence.CONFIRMED, as_of=date(2010, 6, 8), reported_at=clock.now()
    )
    [alert] = pipeline.report_update("UA-2010-0131", told, by=BY, dated_on=date(2010, 6, 8)).alerts
    service.freeze_letters(alert, AlertPlan.from_json(alert.plan))
    letter = alert.letters.get()
    assert "The Rt Hon Theresa May MP\nSecretary of State for the Home Department" in letter.text
    assert "\nDear Home Secretary,\n" in letter.text
    assert "Mr S" in letter.subject
