"""The forms of settings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.models import Scope
from urgentaction.alerts.standing import approvable_rules
from urgentaction.console.forms import Refusable
from urgentaction.console.phrasing import in_words
from urgentaction.core.errors import InvalidInput
from urgentaction.incidents.checks import Part
from urgentaction.triggers.decision import RuleSet
from urgentaction.triggers.ruleset import load, shipped

from .faults import line_of
from .words import SCOPES

#: A rule set is a few kilobytes.
LONGEST_RULES = 100_000


class PauseForm(forms.Form):
    """Why a gateway is taken out of use."""

    reason = forms.CharField(
        label=_("Why"), help_text=_("Everybody sees it where the gateway is shown."), max_length=200
    )


class GrantForm(Refusable):
    """A standing approval in the name of whoever fills it in."""

    rule = forms.ChoiceField(label=_("Rule"), help_text=_("Only rules that may start by themselves are listed."))
    until = forms.DateTimeField(
        label=_("Until"),
        required=False,
        help_text=_("In your time zone. Without it, until somebody revokes it."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
    )
    answers_for_it = forms.BooleanField(label=_("I answer for what starts in my name without being asked again"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rule"].choices = [(rule, rule) for rule in approvable_rules()]  # type: ignore[attr-defined]


class TokenForm(Refusable):
    """A new API token."""

    LIFETIMES = (("30", _("30 days")), ("90", _("90 days")), ("180", _("180 days")), ("365", _("a year")))

    name = forms.CharField(label=_("Which program is it for"), max_length=80)
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        help_text=_("As little as the program needs."),
        choices=[(scope.value, SCOPES[scope]) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.ChoiceField(label=_("How long it lives"), choices=LIFETIMES, initial="90")

    @property
    def lifetime(self) -> timedelta:
        """Of a valid form."""
        return timedelta(days=int(self.cleaned_data["days"]))


class DrillForm(forms.Form):
    """A test call reaches somebody's phone."""

    is_sure = forms.BooleanField(label=_("Yes, call the people on call now"))


class LookForm(forms.Form):
    """What the self-check is to look at."""

    part = forms.ChoiceField(choices=[(part.value, part.value) for part in Part])


class ReplayForm(forms.Form):
    """Which updates are replayed, by which rules."""

    since = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(
        label=_("Up to and including"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    rule = forms.CharField(
        label=_("Only this rule"),
        required=False,
        max_length=60,
        help_text=_("A rule's name, such as imminent: updates that it decided, or would decide."),
    )
    text = forms.CharField(
        label=_("Rules to try (TOML)"),
        required=False,
        strip=False,
        max_length=LONGEST_RULES,
        help_text=_("The rules in force to begin with: change what you want to try. Nothing is saved or sent."),
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "rules-text"}),
    )
    after = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean_text(self) -> str:
        """The rules are read here, so that what is wrong stands at the field, with its line."""
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        self.rules = shipped()
        if text.strip():
            try:
                self.rules = load(text.encode())
            except InvalidInput as wrong:
                raise forms.ValidationError(
                    [_problem(text, one.field, in_words(one.message)) for one in wrong.problems]
                ) from wrong
        return text

    def clean(self) -> dict[str, Any]:
        """A period that ends before it begins holds nothing."""
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This lies before the beginning; turn the two round."))
        return cleaned

    rules: RuleSet

    @property
    def period(self) -> tuple[datetime, datetime]:
        """Of a valid form: from its beginning up to and without its end, by the viewer's days."""
        since, until = self.cleaned_data["since"], self.cleaned_data["until"] + timedelta(days=1)
        return _midnight(since), _midnight(until)


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware right here


def _problem(text: str, field: str, message: str) -> str:
    line = line_of(text, field, message)
    where = _("Line %(line)s") % {"line": line} if line else ""
    return ": ".join(part for part in (str(where), field, message) if part)
