"""The forms with which staff change a case: consent, titles, texts, and a case out of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from urgentaction.cases.archive import MOST_BYTES
from urgentaction.cases.editing import LONGEST_LINE, LONGEST_TEXT, Consent
from urgentaction.cases.models import Case, Person
from urgentaction.cases.queries import Shown
from urgentaction.console.forms import Refusable
from urgentaction.console.vocabulary import language_name

_SHOWN = [
    (Shown.DESCRIPTION.value, _("by description: “a man from …”")),
    (Shown.PSEUDONYM.value, _("by pseudonym")),
    (Shown.NAME.value, _("by name")),
]


class ConsentForm(Refusable):
    """What a person agreed to."""

    shown_to_government = forms.ChoiceField(label=_("Governments see the person"), choices=_SHOWN)
    shown_to_public = forms.ChoiceField(label=_("The public sees the person"), choices=_SHOWN)
    shown_to_supporters = forms.ChoiceField(label=_("Supporters see the person"), choices=_SHOWN)
    given_at = forms.DateTimeField(
        label=_("Consent given at"),
        required=False,
        help_text=_("In your time zone. Showing more takes a later moment than the one on record. Empty: none."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    note = forms.CharField(
        label=_("How we know"),
        required=False,
        max_length=400,
        help_text=_("Sealed, and not shown here. Left empty: what is on record stays."),
    )

    @classmethod
    def of(cls, person: Person) -> ConsentForm:
        """As it is on record; the note stays sealed."""
        names = ("shown_to_government", "shown_to_public", "shown_to_supporters")
        initial: dict[str, Any] = {name: getattr(person, name) for name in names}
        return cls(initial=initial | {"given_at": person.consent_at})

    def consent(self, person: Person) -> Consent:
        """What was agreed to. Only after `is_valid`. Left as it was, the moment keeps its seconds."""
        given = self.cleaned_data
        at, before = given["given_at"], person.consent_at
        if at is not None and before is not None and at == before.replace(second=0, microsecond=0):
            at = before
        return Consent(
            shown_to_government=Shown(given["shown_to_government"]),
            shown_to_public=Shown(given["shown_to_public"]),
            shown_to_supporters=Shown(given["shown_to_supporters"]),
            given_at=at,
            note=given["note"] or None,
        )


class TitlesForm(Refusable):
    """A case's titles and "Re:" lines, two fields a language."""

    def __init__(self, case: Case, languages: list[str], data: Any = None) -> None:
        initial = {f"titles_{language}": case.titles.get(language, "") for language in languages}
        initial |= {f"subjects_{language}": case.subjects.get(language, "") for language in languages}
        super().__init__(data, initial=initial)
        self.languages = languages
        for language in languages:
            name = language_name(language)
            self.fields[f"titles_{language}"] = forms.CharField(
                label=_("Title, %(language)s") % {"language": name}, max_length=LONGEST_LINE, required=language == "en"
            )
            self.fields[f"subjects_{language}"] = forms.CharField(
                label=_("“Re:” line, %(language)s") % {"language": name}, max_length=LONGEST_LINE, required=False
            )

    def texts(self, name: str) -> Mapping[str, str]:
        """`titles` or `subjects` by language. Only after `is_valid`."""
        return {language: self.cleaned_data[f"{name}_{language}"] for language in self.languages}


class TextForm(Refusable):
    """The case's text in one language."""

    markdown = forms.CharField(
        label=_("Text"),
        max_length=LONGEST_TEXT,
        strip=False,
        help_text=_("Sections begin with “## name” or “## name @status”. Write [[person-1]] where a person is meant."),
        widget=forms.Textarea(attrs={"rows": 28, "class": "long", "spellcheck": "true"}),
    )
    before = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)


_TOO_LARGE_OR_NONE = _(
    "Choose a zip file of at most 2 MB with case.toml and the texts. Pictures and documents are no part of it."
)


class ImportForm(Refusable):
    """A case out of a file."""

    file = forms.FileField(
        label=_("The case’s folder as a zip file"),
        help_text=_("It holds case.toml and texts/en.md, texts/ko.md … All of it is taken, or nothing."),
        widget=forms.ClearableFileInput(attrs={"accept": ".zip"}),
        error_messages={"required": _TOO_LARGE_OR_NONE, "empty": _TOO_LARGE_OR_NONE},
    )

    def clean_file(self) -> UploadedFile[Any]:
        """Not unpacked, nor even looked into, where it is larger than all it may hold."""
        given: UploadedFile[Any] = self.cleaned_data["file"]
        if given.size is None or given.size > MOST_BYTES:
            raise forms.ValidationError(_TOO_LARGE_OR_NONE)
        return given
