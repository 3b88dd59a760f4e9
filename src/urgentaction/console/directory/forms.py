"""The forms of the directory.

They shape what was typed. Whether it is right is the directory's own business (`records`, `dialling`), whose refusals
`blame` puts at their fields.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.forms.boundfield import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.console.forms import OfficeInput, TimeZoneField
from urgentaction.console.phrasing import in_words, problem_in_words
from urgentaction.console.vocabulary import (
    ADDRESSED_AS,
    CHANNELS,
    CHECK_METHODS,
    CHECK_RESULTS,
    OFFICES,
    country_name,
    language_name,
)
from urgentaction.core.errors import InvalidInput
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.directory.contact_points import Check
from urgentaction.directory.kinds import CheckMethod, CheckResult
from urgentaction.directory.models import Office, Official
from urgentaction.directory.queries import is_held, offices_with

from . import reading, words

Choices = Sequence[tuple[str, str | Promise]]
_TROUBLE: Choices = (
    ("dead", _("a dead number or address")),
    ("unverified", _("one that is not verified")),
    ("stale", _("one not looked at for a year")),
    ("none", _("nothing that can be used")),
)
_COUNTED = re.compile(r" \d+$")


def _countries_there() -> list[tuple[str, str]]:
    codes = Office.objects.order_by().values_list("country", flat=True).distinct()
    return sorted(((code, country_name(code)) for code in codes), key=lambda one: one[1])


class OfficeFilter(django_filters.FilterSet):
    """What the list of offices can be narrowed to."""

    text = django_filters.CharFilter(label=_("Name or number"), method="narrow_text", max_length=100)
    country = django_filters.ChoiceFilter(label=_("Country"), choices=_countries_there, empty_label=_("any"))
    kind = django_filters.ChoiceFilter(label=_("Kind"), choices=list(OFFICES.items()), empty_label=_("any"))
    trouble = django_filters.ChoiceFilter(
        label=_("Has"), choices=_TROUBLE, method="narrow_trouble", empty_label=_("any")
    )
    holder = django_filters.ChoiceFilter(
        label=_("Holder"),
        choices=[("none", _("vacant")), ("one", _("somebody"))],
        method="narrow_holder",
        empty_label=_("any"),
    )

    def narrow_text(self, rows: QuerySet[Office], _name: str, text: str) -> QuerySet[Office]:
        """See `offices_with`."""
        return rows.filter(id__in=offices_with(text).values("id"))

    def narrow_trouble(self, rows: QuerySet[Office], _name: str, trouble: str) -> QuerySet[Office]:
        """See `reading.in_trouble`."""
        return reading.in_trouble(rows, trouble)

    def narrow_holder(self, rows: QuerySet[Office], _name: str, holder: str) -> QuerySet[Office]:
        """Vacant or not, by the office's own calendar."""
        return rows.filter(is_held() if holder == "one" else ~is_held())


def blame(form: forms.Form, refusal: InvalidInput) -> None:
    """Put each problem at the field that it is about; above the form where it has none."""
    for problem in refusal.problems:
        path = [_COUNTED.sub("", part) for part in problem.field.split(", ")]
        path = path[1:] if path[0] in ("office", "official") and len(path) > 1 else path
        name = next((one for one in ("-".join(path), path[0], f"{path[0]}-en") if one in form.fields), None)
        form.add_error(name, in_words(problem.message) if name else problem_in_words(problem))


class _Translated(forms.Form):
    """A form with some fields once for each language; `languages` groups them for the page."""

    translated: Mapping[str, forms.Field]

    def __init__(self, *args: Any, languages: Sequence[str] = LETTER_LANGUAGES, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._languages = languages
        for tag in languages:
            for name, field in self._in_each_language().items():
                field.required = (name, tag) == ("names", "en")
                self.fields[f"{name}-{tag}"] = field
                field.widget.attrs["lang"] = tag
                if tag == "ar":
                    field.widget.attrs["dir"] = "rtl"

    @abstractmethod
    def _in_each_language(self) -> dict[str, forms.Field]:
        """New fields by name, for one language."""

    def languages(self) -> list[tuple[str, str, bool, list[BoundField]]]:
        """Tag, name, whether it is shown at once, fields: English first."""
        names = list(self._in_each_language())
        told = []
        for tag in self._languages:
            fields = [self[f"{name}-{tag}"] for name in names]
            is_open = tag == "en" or any(field.errors for field in fields)
            told.append((tag, language_name(tag), is_open, fields))
        return told

    def plain_fields(self) -> list[BoundField]:
        """The fields that are there once."""
        return [self[name] for name in self.fields if "-" not in name]

    def texts(self, name: str) -> dict[str, str]:
        """What was written, by language; empty ones left out."""
        found = {tag: self.cleaned_data.get(f"{name}-{tag}", "") for tag in self._languages}
        return {tag: text for tag, text in found.items() if text}


class OfficeForm(_Translated):
    """An office, without its holders and contact points."""

    country = forms.ChoiceField(label=_("Country"))
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        help_text=_("Chooses the form of address where the holder has none of their own."),
    )
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("Type a part of its name, such as Seoul."))
    preferred_language = forms.ChoiceField(label=_("Preferred language of letters"))
    opens = forms.TimeField(
        label=_("Opens"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text=_("By its own clock. Without hours, faxes may come at any time."),
    )
    closes = forms.TimeField(label=_("Closes"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    workdays = forms.MultipleChoiceField(
        label=_("Working days"), choices=list(words.WEEKDAYS.items()), widget=forms.CheckboxSelectMultiple
    )
    holidays = forms.CharField(
        label=_("Public holidays of"),
        required=False,
        max_length=200,
        help_text=_("Countries or parts of them, with commas between: US-DC, TH. Empty: its own country's."),
    )
    care_of = forms.CharField(
        label=_("Reached through the mission"),
        required=False,
        max_length=80,
        widget=OfficeInput,
        help_text=_("Short name of an office: letters go there when nothing else has worked."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(self, "country", [("", _("– choose –")), *words.countries()])
        _choices(self, "kind", [("", _("none of these")), *OFFICES.items()])
        _choices(self, "preferred_language", [(tag, language_name(tag)) for tag in LETTER_LANGUAGES])

    def _in_each_language(self) -> dict[str, forms.Field]:
        return {
            "names": forms.CharField(label=_("Name of the office"), required=False, max_length=400),
            "postal_address": forms.CharField(
                label=_("Postal address, a line each"),
                required=False,
                max_length=2000,
                widget=forms.Textarea(attrs={"rows": 3}),
            ),
        }

    def values(self) -> dict[str, Any]:
        """As `records.OfficeRecord` wants them."""
        told = {name: self.cleaned_data[name] for name in ("country", "kind", "time_zone", "preferred_language")}
        told |= {name: self.cleaned_data[name] for name in ("opens", "closes")}
        addresses = self.texts("postal_address")
        lines = {tag: [line.strip() for line in text.splitlines()] for tag, text in addresses.items()}
        return told | {
            "names": self.texts("names"),
            "postal_address": {tag: [line for line in one if line] for tag, one in lines.items()},
            "workdays": "".join(sorted(self.cleaned_data["workdays"])),
            "holidays": [part.strip() for part in self.cleaned_data["holidays"].split(",") if part.strip()],
            "care_of": self.cleaned_data["care_of"].strip() or None,
        }

    @classmethod
    def of(cls, office: Office) -> OfficeForm:
        """Filled in with what an office is."""
        initial: dict[str, Any] = {name: getattr(office, name) for name in cls.base_fields}
        initial |= {"workdays": list(office.workdays), "holidays": ", ".join(office.holidays)}
        initial["care_of"] = office.care_of.slug if office.care_of else ""
        initial |= {f"names-{tag}": text for tag, text in office.names.items()}
        initial |= {f"postal_address-{tag}": "\n".join(lines) for tag, lines in office.postal_address.items()}
        return cls(initial=initial, languages=words.languages_of(office.names, office.postal_address))


class OfficialForm(_Translated):
    """Somebody who holds an office."""

    holds_from = forms.DateField(
        label=_("Holds the office from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    holds_until = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The last day. Empty: to this day."),
    )
    addressed_as = forms.ChoiceField(
        label=_("Addressed as"),
        required=False,
        choices=list(ADDRESSED_AS.items()),
        help_text=_("For languages that have two forms. Nobody's identity is recorded with it."),
    )

    def _in_each_language(self) -> dict[str, forms.Field]:
        own = _("Empty: the form of address for this kind of office.")
        return {
            "names": forms.CharField(label=_("Name"), required=False, max_length=400),
            "honorifics": forms.CharField(label=_("Honorific"), required=False, max_length=400, help_text=own),
            "salutations": forms.CharField(label=_("Salutation"), required=False, max_length=400, help_text=own),
        }

    def values(self) -> dict[str, Any]:
        """As `records.OfficialRecord` wants them."""
        told = {name: self.cleaned_data[name] for name in ("holds_from", "holds_until", "addressed_as")}
        return told | {name: self.texts(name) for name in ("names", "honorifics", "salutations")}

    @classmethod
    def of(cls, official: Official) -> OfficialForm:
        """Filled in with what is known of an official."""
        initial: dict[str, Any] = {name: getattr(official, name) for name in cls.base_fields}
        texts = {"names": official.names, "honorifics": official.honorifics, "salutations": official.salutations}
        for name, by_language in texts.items():
            initial |= {f"{name}-{tag}": text for tag, text in by_language.items()}
        return cls(initial=initial, languages=words.languages_of(*texts.values()))


def _choices(form: forms.Form, name: str, choices: Choices) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
    field.choices = choices


class _Sourced(forms.Form):
    """How somebody knows."""

    method = forms.ChoiceField(label=_("How do you know?"), choices=list(words.SOURCES.items()))
    url = forms.URLField(label=_("Web address"), required=False, max_length=400, assume_scheme="https")
    note = forms.CharField(label=_("Note"), required=False, max_length=400)

    def check_made(self, result: CheckResult = CheckResult.RIGHT) -> Check:
        """What was said, as the directory keeps it."""
        method = CheckMethod(self.cleaned_data["method"])
        note = " ".join(self.cleaned_data["note"].split())
        return Check(method=method, result=result, url=self.cleaned_data["url"], note=note)


_PRINTED = _("As published, letter by letter: this is what letters show.")
_DIALLED = _("Only if it differs: with its country code. Empty: the first number printed.")


class ContactPointForm(_Sourced):
    """A new contact point."""

    field_order = ("channel", "printed_value", "dial_value", "rank", "method", "url", "note")

    channel = forms.ChoiceField(label=_("Channel"), choices=list(CHANNELS.items()))
    printed_value = forms.CharField(label=_("Printed"), required=False, max_length=120, help_text=_PRINTED)
    dial_value = forms.CharField(label=_("Dialled or mailed"), required=False, max_length=120, help_text=_DIALLED)
    rank = forms.IntegerField(
        label=_("Place in the order"), min_value=1, max_value=99, initial=1, help_text=_("1 is tried first.")
    )
    method = forms.ChoiceField(
        label=_("How do you know?"),
        required=False,
        choices=[("", _("nobody has checked it yet")), *words.SOURCES.items()],
    )

    def check_if_any(self) -> Check | None:
        """None where nobody has checked it."""
        return self.check_made() if self.cleaned_data["method"] else None


class ReplaceForm(_Sourced):
    """What is right now, and how one knows."""

    field_order = ("printed_value", "dial_value", "method", "url", "note")

    printed_value = forms.CharField(label=_("New one, as printed"), max_length=120, help_text=_PRINTED)
    dial_value = forms.CharField(label=_("Dialled or mailed"), required=False, max_length=120, help_text=_DIALLED)


class ChangeForm(forms.Form):
    """How it is printed, and its place in the order."""

    printed_value = forms.CharField(label=_("Printed"), required=False, max_length=120, help_text=_PRINTED)
    rank = forms.IntegerField(label=_("Place in the order"), min_value=1, max_value=99)


class CheckForm(_Sourced):
    """Somebody has checked it."""

    field_order = ("method", "result", "url", "note")

    method = forms.ChoiceField(label=_("How did you check?"), choices=list(CHECK_METHODS.items()))
    result = forms.ChoiceField(label=_("What came of it?"), choices=list(CHECK_RESULTS.items()))


class RetireForm(forms.Form):
    """Not to be used any more. `is_sure` is asked only where it is the last way to an office."""

    why = forms.CharField(label=_("Why"), max_length=150)
    is_sure = forms.BooleanField(label=_("I know that nothing is left for these offices"), required=False)


class FileForm(forms.Form):
    """A directory file to look at before it is imported."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("TOML, as exported here; at most 1 MB."),
        error_messages={"required": _("Choose a TOML file of at most 1 MB."), "empty": _("The file is empty.")},
    )
