"""The form with which staff say what happened."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from urgentaction.cases.models import Case
from urgentaction.cases.naming import misnamed_in_line
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence, Status, label
from urgentaction.console.forms import Refusable
from urgentaction.console.phrasing import in_words
from urgentaction.console.vocabulary import reader_language
from urgentaction.core import clock
from urgentaction.triggers.ruleset import shipped

from .reading import label_of, persons_of

_GROUPS = {
    1: _("Level 1: hours count"),
    2: _("Level 2: within a day"),
    3: _("Level 3: within a week"),
    4: _("Level 4: good news"),
    5: _("Level 5: grave"),
    None: _("Without a level"),
}
_SURE = {
    Confidence.CONFIRMED: _("two sources, or one that saw it"),
    Confidence.CREDIBLE: _("a source we trust; counts like confirmed"),
    Confidence.RUMOURED: _("sends nothing by itself, makes a draft"),
}


class UpdateForm(Refusable):
    """What happened, how sure we are, when and where, to whom, who says so."""

    status = forms.ChoiceField(label=_("What happened"))
    confidence = forms.ChoiceField(label=_("How sure we are"))
    as_of = forms.DateField(
        label=_("As of"),
        help_text=_("The day it was so, where it was so."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    reported_at = forms.DateTimeField(
        label=_("Told to us at"),
        required=False,
        help_text=_("In your time zone. Left empty: now."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    place = forms.CharField(
        label=_("Place"),
        required=False,
        max_length=120,
        help_text=_("Stands in letters. No names of persons here."),
    )
    persons = forms.MultipleChoiceField(
        label=_("Whom it is about"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Nobody ticked: everybody who still shares the fate of the group."),
    )
    source = forms.ChoiceField(label=_("Source"), required=False)
    new_source = forms.CharField(
        label=_("Or a new source"),
        required=False,
        max_length=120,
        help_text=_("A label that is safe to show to all staff: “lawyer in Bangkok”, no name."),
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=4000,
        help_text=_("For staff only. It is stored sealed and stands in no letter."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    is_family_informed = forms.BooleanField(
        label=_("The family knows"),
        required=False,
        help_text=_("Grave news goes to supporters only after the family was told. Tick it only if you know that."),
    )
    dated_on = forms.DateField(
        label=_("Date on the letters"),
        required=False,
        help_text=_("Left empty: the day they are made."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.case = case
        self._choose("status", [("", _("choose")), *_statuses()])
        sure = [(one.value, f"{label(one, reader_language())} – {words}") for one, words in _SURE.items()]
        self._choose("confidence", [("", _("choose")), *sure])
        people = persons_of(case)
        self._choose("persons", [(one.key, f"{one.key}: {label_of(one, reader_language())}") for one in people])
        known = list(case.sources.order_by("label").values_list("label", flat=True))
        if not known:
            self.fields["new_source"].label = self.fields["source"].label
        self._choose("source", [("", _("none named")), *((one, one) for one in known)])

    def clean_place(self) -> str:
        """It stands in letters: nobody may be named there."""
        return self._nameless("place")

    def clean_new_source(self) -> str:
        """One line for all staff: nobody may be named there."""
        given = self._nameless("new_source")
        if not given.isprintable():
            raise forms.ValidationError(_("Write it on one line, without control characters."))
        return given

    def clean(self) -> dict[str, Any]:
        """One source, not two."""
        given = super().clean() or self.cleaned_data
        if given.get("source") and given.get("new_source"):
            self.add_error("new_source", _("Choose a known source or name a new one, not both."))
        return given

    def told(self) -> UpdateText:
        """The update, as the pipeline takes it. Only after `is_valid`."""
        given = self.cleaned_data
        return UpdateText(
            status=Status(given["status"]),
            confidence=Confidence(given["confidence"]),
            as_of=given["as_of"],
            reported_at=given["reported_at"] or clock.now(),
            place=given["place"],
            person_keys=tuple(given["persons"]),
            source_label=given["new_source"] or given["source"],
            note=given["note"],
            is_family_informed=given["is_family_informed"],
        )

    def letters_dated_on(self) -> date | None:
        """The date to print on the letters. Only after `is_valid`."""
        given: date | None = self.cleaned_data["dated_on"]
        return given

    def _nameless(self, name: str) -> str:
        given: str = self.cleaned_data[name]
        if given and (problems := misnamed_in_line(name, given, list(self.case.persons.all()))):
            raise forms.ValidationError([in_words(problem.message) for problem in problems])
        return given

    def _choose(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices


def _statuses() -> list[tuple[str, list[tuple[str, str]]]]:
    """The vocabulary by the urgency that the rules give it, the most urgent first."""
    rules = shipped()
    groups: dict[int | None, list[tuple[str, str]]] = {level: [] for level in _GROUPS}
    for one in Status:
        groups[rules.plan_for(one).level].append((one.value, label(one, reader_language())))
    return [(str(words), groups[level]) for level, words in _GROUPS.items() if groups[level]]
