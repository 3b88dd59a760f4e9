"""What the search finds: one short query for each kind of thing. Writes nothing, and asks nothing about supporters.

Names of the persons in a case are not searched: confidential ones are encrypted, and a search that found the public
ones alone would tell which is which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db.models import BooleanField, F, Model, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case
from urgentaction.console.templatetags.words import status
from urgentaction.console.vocabulary import called, in_reader_language
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask
from urgentaction.deliveries.references import delivery_id_of
from urgentaction.directory.models import Office, Official
from urgentaction.letters.models import Letter, TemplateState, TemplateVersion
from urgentaction.letters.source import Family, shipped_kinds, shipped_languages

Row = TypeVar("Row", bound=Model)
SHORTEST = 2
#: Of each kind; whoever needs more searches more narrowly.
MOST = 8
_HASH = re.compile(r"[0-9a-f]{6,64}")
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found: its name, what it is in a few words, where it is."""

    name: str
    note: str
    address: str


@dataclass(frozen=True, slots=True)
class Group:
    """Things of one kind. `has_more`: others fit as well."""

    label: str
    hits: tuple[Hit, ...]
    has_more: bool


def found_for(asked: str) -> list[Group]:
    """Everything that fits, by kind; kinds of which nothing fits are left out. A fixed number of queries."""
    searches: tuple[tuple[str, Callable[[str], Iterable[Hit]]], ...] = (
        (_("Cases"), _cases),
        (_("Alerts"), _alerts),
        (_("Offices"), _offices),
        (_("Officials"), _officials),
        (_("Letters"), _letters),
        (_("Deliveries"), _deliveries),
        (_("Tasks"), _tasks),
        (_("Templates"), _templates),
    )
    groups = []
    for label, look in searches:
        hits = tuple(look(asked))
        if hits:
            groups.append(Group(label, hits[:MOST], len(hits) > MOST))
    return groups


def _cases(asked: str) -> Iterable[Hit]:
    rows = Case.objects.filter(Q(reference__icontains=asked) | Q(_says(Case, "titles", asked))).order_by("-created_at")
    for case in _few(rows):
        yield Hit(
            case.reference,
            f"{in_reader_language(case.titles)} · {status(case.status)}",
            reverse("console:case", kwargs={"reference": case.reference}),
        )


def _alerts(asked: str) -> Iterable[Hit]:
    rows = Alert.objects.filter(number__contains=asked.upper()).order_by("-created_at")
    for alert in _few(rows.only("id", "number", "kind", "state")):
        note = f"{called('alert-kind', alert.kind)} · {called('alert-state', alert.state)}"
        yield Hit(alert.number, note, reverse("console:alert", kwargs={"alert_id": alert.id}))


def _offices(asked: str) -> Iterable[Hit]:
    rows = Office.objects.filter(Q(slug__icontains=asked) | Q(_says(Office, "names", asked))).order_by("slug")
    for office in _few(rows):
        yield Hit(
            in_reader_language(office.names), office.country, _address("office", "directory", office_id=office.id)
        )


def _officials(asked: str) -> Iterable[Hit]:
    rows = Official.objects.filter(Q(slug__icontains=asked) | Q(_says(Official, "names", asked))).order_by("slug")
    for official in _few(rows.select_related("office")):
        names = in_reader_language(official.names), in_reader_language(official.office.names)
        yield Hit(*names, _address("office", "directory", office_id=official.office_id))


def _letters(asked: str) -> Iterable[Hit]:
    """By the beginning of a hash that is printed or published, or by words of the subject."""
    fits = Q(subject__icontains=asked)
    if _HASH.fullmatch(asked.lower()):
        fits = Q(sha256__startswith=asked.lower()) | Q(fax_sha256__startswith=asked.lower())
    rows = Letter.objects.filter(fits).order_by("-frozen_at").annotate(number=F("alert__number"))
    for row in _few(rows.only("id", "subject", "language", "sha256", "alert_id")):
        note = f"{row.number} · {row.language} · {row.sha256[:12]}"  # type: ignore[attr-defined]
        yield Hit(row.subject, note, reverse("console:alert", kwargs={"alert_id": row.alert_id}))


def _deliveries(asked: str) -> Iterable[Hit]:
    """By our reference, our number, or the name that the gateway gave it; mail is named by our reference alone."""
    number = delivery_id_of(asked.lower())
    if number is None and _NUMBER.fullmatch(asked):
        number = int(asked)
    rows = Delivery.objects.select_related("alert")
    found = {row.id: row for row in rows.filter(id=number)} if number is not None else {}
    named = Q(gateway_ref=asked) & ~Q(gateway_ref="") & ~Q(channel="email")  # as the indexes have it
    found |= {row.id: row for row in _few(rows.filter(named))}
    earlier = [one.delivery_id for one in _few(Attempt.objects.filter(named)) if one.delivery_id not in found]
    found |= {row.id: row for row in rows.filter(id__in=earlier)} if earlier else {}
    for row in found.values():
        note = f"{row.alert.number} · {called('channel', row.channel)} · {called('state', row.state)}"
        address = _address("delivery", "", delivery_id=row.id)
        yield Hit(
            _("delivery %(number)s") % {"number": row.id},
            note,
            address or reverse("console:alert", kwargs={"alert_id": row.alert_id}),
        )


def _tasks(asked: str) -> Iterable[Hit]:
    rows = HumanTask.objects.filter(done_at=None, title__icontains=asked).order_by("created_at")
    for task in _few(rows.only("id", "title", "kind")):
        yield Hit(task.title, called("task", task.kind), _address("task", "tasks", task_id=task.id))


def _templates(asked: str) -> Iterable[Hit]:
    """By name: `letters/first_appeal/ko`, written with spaces or not."""
    wanted = asked.lower().replace(" ", "_")
    root = settings.SHIPPED_TEMPLATES
    names = {
        (family.value, kind, language)
        for family in Family
        for kind in shipped_kinds(family, root=root)
        for language in shipped_languages(family, kind, root=root)
    }
    names |= set(TemplateVersion.objects.filter(state=TemplateState.LIVE).values_list("family", "kind", "language"))
    for family, kind, language in sorted(names):
        name = f"{family}/{kind}/{language}"
        if wanted in name:
            where = _address("template", "templates", family=family, kind=kind, language=language)
            yield Hit(name, "", where)


def _few(rows: QuerySet[Row]) -> list[Row]:
    return list(rows[: MOST + 1])


def _says(model: type[Model], column: str, asked: str) -> RawSQL:
    """Whether any of the texts in a `{language: text}` column has these words in it."""
    words = asked.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    place = f"{model._meta.db_table}.{column}"
    statement = f"EXISTS (SELECT FROM jsonb_each_text({place}) AS t WHERE t.value ILIKE %s)"
    return RawSQL(statement, [f"%{words}%"], output_field=BooleanField())  # noqa: S611 - the words go apart


def _address(route: str, fallback: str, **places: object) -> str:
    """Where a thing is shown; where it has no page, the list it stands in ("" for none)."""
    try:
        return reverse(f"console:{route}", kwargs=places)
    except NoReverseMatch:
        pass
    try:
        return reverse(f"console:{fallback}")
    except NoReverseMatch:
        return ""
