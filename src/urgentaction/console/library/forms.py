"""What staff fill in: which templates to list, what to preview, a text with its note, reasons."""

from __future__ import annotations

import re
from typing import Any

import django_filters
from django import forms
from django.utils.translation import gettext_lazy as _

from urgentaction.console.vocabulary import language_name
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.letters.content import Audience
from urgentaction.letters.models import TemplateState, TemplateVersion
from urgentaction.letters.preview import Form as PreviewedAs
from urgentaction.letters.source import Family
from urgentaction.letters.trying import FORMS, audience_of

_REASON = 300
_FAMILIES = {Family.LETTERS: _("Letters"), Family.NOTICES: _("Notices"), Family.SMS: _("Text messages")}
_STATES = {
    TemplateState.DRAFT: _("draft"),
    TemplateState.IN_REVIEW: _("in review"),
    TemplateState.LIVE: _("in force"),
    TemplateState.REJECTED: _("rejected"),
    TemplateState.RETIRED: _("retired"),
}
_FORMS = {
    PreviewedAs.HTML: _("mail"),
    PreviewedAs.TEXT: _("plain text"),
    PreviewedAs.PDF: _("page"),
    PreviewedAs.FAX: _("fax page"),
    PreviewedAs.SMS: _("text message"),
}
_AUDIENCES = {
    Audience.GOVERNMENT: _("government"),
    Audience.PUBLIC: _("public"),
    Audience.SUPPORTER: _("supporters"),
}


class ListForm(forms.Form):
    """Which templates to show."""

    family = forms.ChoiceField(
        label=_("Family"), required=False, choices=[("", _("all")), *((str(one), _FAMILIES[one]) for one in Family)]
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=lambda: [("", _("all")), *((one, language_name(one)) for one in LETTER_LANGUAGES)],
    )
    show = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("all")),
            ("edited", _("edited by us")),
            ("waiting", _("waiting for a review")),
            ("missing", _("missing translations")),
            ("newer", _("shipped file has changed")),
        ],
    )


class HistoryFilter(django_filters.FilterSet):
    """Which versions of a template to show."""

    state = django_filters.ChoiceFilter(
        label=_("State"), empty_label=_("all"), choices=[(one.value, _STATES[one]) for one in TemplateState]
    )

    class Meta:
        model = TemplateVersion
        fields = ("state",)


class PreviewForm(forms.Form):
    """What to look at. An empty case is an invented one."""

    form = forms.ChoiceField(label=_("Form"), required=False)
    case = forms.CharField(label=_("Case"), required=False, max_length=40)
    to = forms.CharField(label=_("Addressee"), required=False, max_length=80)
    audience = forms.ChoiceField(label=_("Audience"), required=False)

    def __init__(
        self, data: Any = None, *, family: Family, addressees: list[tuple[str, str]], initial: Any = None
    ) -> None:
        super().__init__(data, auto_id="preview-%s", initial=initial)
        self.fields["form"].choices = [(one.value, _FORMS[one]) for one in FORMS[family]]  # type: ignore[attr-defined]
        usual = audience_of(family)
        self.fields["audience"].choices = [  # type: ignore[attr-defined]
            (usual.value, _AUDIENCES[usual]),
            *((one.value, _AUDIENCES[one]) for one in Audience if one is not usual),
        ]
        self.fields["to"].widget = forms.Select(choices=[("", _("the main one")), *addressees])
        if family is not Family.LETTERS:
            del self.fields["to"]
        if family is Family.SMS:
            del self.fields["audience"]


def _text_area() -> forms.Textarea:
    return forms.Textarea(
        attrs={"spellcheck": "true", "autocapitalize": "off", "autocomplete": "off", "class": "text", "rows": 24}
    )


class EditForm(forms.Form):
    """A text, what was changed in it, and what its author saw in force when they began."""

    text = forms.CharField(label=_("Text"), strip=False, widget=_text_area())
    note = forms.CharField(
        label=_("What did you change, and why?"),
        help_text=_("Whoever reviews it reads this first."),
        max_length=500,
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_text(self) -> str:
        """Line ends as files have them; browsers send others."""
        return _plain(self.cleaned_data["text"])


class ReasonForm(forms.Form):
    """Why; kept with the version."""

    why = forms.CharField(label=_("Why"), max_length=_REASON)


class PutBackForm(ReasonForm):
    """Which text is to be in force again, and why."""

    to = forms.CharField(widget=forms.HiddenInput, max_length=9)


def text_given(data: Any) -> str:
    """The text of a request that is not to be saved."""
    return _plain(str(data.get("text", "")))


def _plain(text: str) -> str:
    return re.sub(r"\r\n?", "\n", text)
