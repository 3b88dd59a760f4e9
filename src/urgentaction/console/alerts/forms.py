"""The form on which an alert is composed, and the part of it that names officials."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from urgentaction.alerts.drafting import Composition, Target
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import AlertPlan, Audience, compose_plan
from urgentaction.cases.models import Case
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel
from urgentaction.console.forms import OfficeInput
from urgentaction.console.phrasing import in_words
from urgentaction.console.vocabulary import LETTERS, NOTICES, in_reader_language, language_name
from urgentaction.core.errors import InvalidInput
from urgentaction.core.ids import uuid7
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.directory.models import Office, Official
from urgentaction.directory.queries import holder_among, offices_with, official_in
from urgentaction.triggers import ruleset
from urgentaction.triggers.decision import LetterKind, Level, NoticeKind, OfficialsAudience, SupportersAudience

from . import wording

LONGEST_DEADLINE_HOURS = 90 * 24
#: So many offices outside the case's own can be named at once; more by editing the draft again.
FURTHER = 3
#: So many offices are named that somebody may have meant.
NEAR = 5
_ROLES = (("to", gettext_lazy("addressed")), ("cc", gettext_lazy("copied in")))


@dataclass(frozen=True, slots=True)
class OfficeRow:
    """One office on the form: who holds it, and the field that says what part it plays."""

    office: Office
    holder: Official | None
    field: Any


class TargetsForm(forms.Form):
    """Whom the letters go to: offices of the case, those named before, and some further ones by their short names."""

    def __init__(self, case: Case, chosen: Mapping[uuid.UUID, str], *args: Any, **rest: Any) -> None:
        """`chosen`: roles by office; they are selected when the form is first shown."""
        super().__init__(*args, **rest)
        self.case = case
        entries = case.addressees.select_related("office").prefetch_related("office__officials")
        listed = {entry.office_id: entry.office for entry in entries}
        others = Office.objects.filter(id__in=set(chosen) - set(listed)).prefetch_related("officials")
        for office in others.order_by("slug"):
            listed[office.id] = office
        self._listed = [(office, holder_among(office)) for office in listed.values()]
        for office, holder in self._listed:
            self.fields[f"office-{office.slug}"] = forms.ChoiceField(
                label=in_reader_language(office.names) or str(office),
                choices=(("", _("no letter")), *_ROLES),
                required=False,
                initial=chosen.get(office.id, ""),
                disabled=holder is None,
            )
        for number in range(1, FURTHER + 1):
            self.fields[f"further-{number}"] = forms.CharField(
                label=_("Further office"), required=False, max_length=80, widget=OfficeInput
            )
            self.fields[f"further-{number}-role"] = forms.ChoiceField(
                label=_("Its part"), choices=_ROLES, required=False, initial="to"
            )

    def rows(self) -> Iterator[OfficeRow]:
        """The offices that are listed by name."""
        for office, holder in self._listed:
            yield OfficeRow(office, holder, self[f"office-{office.slug}"])

    def further(self) -> Iterator[tuple[Any, Any]]:
        """The fields for offices that are not listed: short name and part."""
        for number in range(1, FURTHER + 1):
            yield self[f"further-{number}"], self[f"further-{number}-role"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["targets"] = self._targets(cleaned)
        return cleaned

    def _targets(self, cleaned: Mapping[str, Any]) -> list[Target]:
        targets = [
            Target(holder, cleaned[f"office-{office.slug}"])
            for office, holder in self._listed
            if holder is not None and cleaned.get(f"office-{office.slug}")
        ]
        for number in range(1, FURTHER + 1):
            name = f"further-{number}"
            if slug := cleaned.get(name):
                office = Office.objects.filter(slug=slug).first()
                holder = official_in(office) if office is not None else None
                if office is None:
                    self.add_error(name, _not_there(slug))
                elif holder is None:
                    self.add_error(name, _("Nobody is recorded as holding this office; add the official first."))
                elif any(target.official == holder for target in targets):
                    self.add_error(name, _("This office is chosen already."))
                else:
                    targets.append(Target(holder, cleaned.get(f"{name}-role") or "to"))
        return sorted(targets, key=lambda target: target.role != "to")


def _not_there(typed: str) -> str:
    """What to say of a short name that no office has: those that it may have meant, but never one of them chosen."""
    near = offices_with(typed).order_by("slug").values_list("slug", flat=True)[:NEAR]
    if not near:
        return _("The directory has no office with this short name.")
    return _("The directory has no office with this short name. These fit: %(names)s.") % {"names": ", ".join(near)}


class NewTargetForm(TargetsForm):
    """For a draft whose rule leaves the addressees to a person."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not any(target.role == "to" for target in cleaned["targets"]) and not self.errors:
            self.add_error(None, _("Choose at least one office to which the letter is addressed."))
        return cleaned


class ComposeForm(TargetsForm):
    """An alert, composed by hand. Once valid, `composition` is what it asks for."""

    draft_id = forms.UUIDField(widget=forms.HiddenInput)
    audience = forms.ChoiceField(
        label=gettext_lazy("Who hears of it"), choices=list(wording.AUDIENCES.items()), widget=forms.RadioSelect
    )
    reach = forms.ChoiceField(
        label=gettext_lazy("Which of them"),
        choices=[
            ("all", gettext_lazy("the offices chosen below, and everybody who opted in")),
            ("before", gettext_lazy("only those whom the alert before this one reached")),
        ],
        widget=forms.RadioSelect,
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"),
        choices=list(wording.CHANNELS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one channel.")},
    )
    letter_kind = forms.ChoiceField(label=gettext_lazy("Letter to officials"), choices=list(LETTERS.items()))
    notice_kind = forms.ChoiceField(label=gettext_lazy("Notice to supporters"), choices=list(NOTICES.items()))
    readers = forms.MultipleChoiceField(
        label=gettext_lazy("Only supporters who read"),
        help_text=gettext_lazy("None chosen: all of them."),
        choices=lambda: [(code, language_name(code)) for code in LETTER_LANGUAGES],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    level = forms.TypedChoiceField(label=gettext_lazy("Level"), choices=list(wording.LEVELS.items()), coerce=int)
    deadline_hours = forms.IntegerField(
        label=gettext_lazy("Take action within (hours)"),
        help_text=gettext_lazy("Counted from the start; what is unsent then expires."),
        min_value=1,
        max_value=LONGEST_DEADLINE_HOURS,
        required=False,
    )
    dated_on = forms.DateField(
        label=gettext_lazy("Date on the letters"),
        help_text=gettext_lazy("Left empty: the day on which they are sent."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
    )

    composition: Composition | None = None

    def clean(self) -> dict[str, Any]:
        """What can be said about several fields together, also while others are faulty: all faults at once."""
        cleaned = super().clean()
        audience = Audience(cleaned["audience"]) if "audience" in cleaned else None
        if audience not in (None, Audience.SUPPORTERS) and not any(one.role == "to" for one in cleaned["targets"]):
            self.add_error("audience", _("Address at least one office below, or write to supporters only."))
        plan = self._plan(cleaned, audience) if audience is not None and "channels" in cleaned else None
        if plan is None or self.errors:
            return cleaned
        hours = cleaned["deadline_hours"]
        self.composition = Composition(
            plan=plan,
            level=cleaned["level"],
            deadline=timedelta(hours=hours) if hours else None,
            dated_on=cleaned["dated_on"],
            targets=cleaned["targets"] if plan.officials is not None else [],
        )
        return cleaned

    def _plan(self, cleaned: Mapping[str, Any], audience: Audience) -> AlertPlan | None:
        letter, notice = cleaned.get("letter_kind"), cleaned.get("notice_kind")
        try:
            return compose_plan(
                audience,
                channels=[Channel(one) for one in cleaned["channels"]],
                level=cleaned.get("level", Level.DAY),
                letter_kind=LetterKind(letter) if letter else None,
                notice_kind=NoticeKind(notice) if notice else None,
                readers=cleaned.get("readers", ()),
                follows_up=cleaned.get("reach") == "before",
            )
        except InvalidInput as error:
            for problem in error.problems:
                self.add_error(problem.field if problem.field in self.fields else None, in_words(problem.message))
            return None


def roles_of_case(case: Case) -> dict[uuid.UUID, str]:
    """The part that each office of the case plays in its letters."""
    return dict(case.addressees.values_list("office_id", "role"))


def roles_of_alert(alert: Alert) -> dict[uuid.UUID, str]:
    """The part that each office plays in an alert."""
    return dict(alert.targets.values_list("official__office_id", "role"))


def fresh(case: Case) -> dict[str, Any]:
    """What a new form begins with: what the shipped rule for the case's status would do."""
    rule = ruleset.shipped().plan_for(Status(case.status)) if case.status else None
    letter = rule.letter if rule is not None else None
    return {
        "draft_id": uuid7(),
        "audience": Audience.BOTH.value,
        "reach": "all",
        "channels": [channel.value for channel in Channel],
        "letter_kind": (letter or LetterKind.FIRST_APPEAL).value,
        "notice_kind": ((rule.notice if rule is not None else None) or NoticeKind.APPEAL).value,
        "level": int((rule.level or rule.priority) if rule is not None else 2),
        "deadline_hours": rule.deadline_hours if rule is not None else None,
    }


def as_composed(alert: Alert) -> dict[str, Any]:
    """The form as an alert would have been composed on it: to change a draft, or to copy an alert."""
    plan = AlertPlan.from_json(alert.plan)
    span = alert.deadline_at - (alert.started_at or alert.created_at) if alert.deadline_at else None
    return {
        "draft_id": uuid7(),
        "audience": _audience_of(plan).value,
        "reach": "before" if _follows_up(plan) else "all",
        "channels": [channel.value for channel in _channels_of(plan)],
        "letter_kind": plan.letter_kind or LetterKind.FIRST_APPEAL.value,
        "notice_kind": plan.notice_kind or NoticeKind.APPEAL.value,
        "readers": list(plan.readers),
        "level": int(alert.level or alert.priority),
        "deadline_hours": round(span.total_seconds() / 3600) if span else None,
        "dated_on": alert.dated_on,
    }


def as_follow_up(alert: Alert) -> dict[str, Any]:
    """Further information to those whom an alert reached."""
    return as_composed(alert) | {
        "reach": "before",
        "letter_kind": LetterKind.FURTHER_INFORMATION.value,
        "notice_kind": NoticeKind.UPDATE.value,
        "dated_on": None,
    }


def _audience_of(plan: AlertPlan) -> Audience:
    if plan.supporters is None:
        return Audience.OFFICIALS
    return Audience.SUPPORTERS if plan.officials is None else Audience.BOTH


def _channels_of(plan: AlertPlan) -> Sequence[Channel]:
    used = {*(plan.officials.to if plan.officials else ()), *(plan.supporters.channels if plan.supporters else ())}
    return [channel for channel in Channel if channel in used]


def _follows_up(plan: AlertPlan) -> bool:
    is_before = plan.supporters is not None and plan.supporters.audience is SupportersAudience.REACHED_BEFORE
    return is_before or plan.officials_audience is OfficialsAudience.REACHED_BEFORE
