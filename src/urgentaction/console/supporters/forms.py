"""What the supporters' pages ask for. Addresses come by POST alone and are shown again only to who typed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from urgentaction.channels.contract import Channel
from urgentaction.supporters.by_hand import LONGEST_WORDS

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

CHANNELS = [(Channel.EMAIL.value, gettext_lazy("email")), (Channel.SMS.value, gettext_lazy("text message"))]
#: What a person types before somebody is forgotten for good.
ERASE_WORD = gettext_lazy("erase")


class LookUp(forms.Form):
    """One person by their exact address."""

    address = forms.CharField(
        label=gettext_lazy("Mail address, or number with country code"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Type the whole address; parts of it are not searched.")},
    )


def words(label: _StrOrPromise, hint: _StrOrPromise = "", *, is_needed: bool = True) -> forms.CharField:
    """A line of words that stays in the records."""
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=LONGEST_WORDS,
        required=is_needed,
        error_messages={"required": gettext_lazy("Say it in a few words, without names; it stays with the entry.")},
    )


class Unsubscribing(forms.Form):
    """A person told us that they want no more."""

    prefix = "unsubscribe"
    channel = forms.ChoiceField(label=gettext_lazy("What they want no more of"), choices=CHANNELS)
    how = words(gettext_lazy("How they asked for it"), gettext_lazy("“letter of 3 May”; no names"))


class Suppressing(forms.Form):
    """Staff decides that somebody gets nothing."""

    prefix = "suppress"
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=CHANNELS)
    why = words(gettext_lazy("Why"), gettext_lazy("without names; it stays with the entry"))


class SuppressingAddress(LookUp, Suppressing):
    """The same for an address, whoever has it."""

    prefix = "add"
    field_order = ("address", "channel", "why")


class Lifting(forms.Form):
    """An address may be written to again. `needs_wish`: the person had said no."""

    why = words(gettext_lazy("Why"), gettext_lazy("without names; it stays with the entry"))
    wish = words(
        gettext_lazy("How the person asked to be written to again"),
        gettext_lazy("“phoned on 3 May”; no names"),
        is_needed=False,
    )

    def __init__(self, *args: object, needs_wish: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["wish"].required = needs_wish
        if not needs_wish:
            del self.fields["wish"]


class Erasing(forms.Form):
    """Forget somebody for good."""

    prefix = "erase"
    why = words(gettext_lazy("What they asked for, and when"), gettext_lazy("without names; the audit log keeps it"))
    word = forms.CharField(label="", max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["word"].label = _("Type “%(word)s” to confirm") % {"word": ERASE_WORD}

    def clean_word(self) -> str:
        word: str = self.cleaned_data["word"]
        if word.strip().casefold() != str(ERASE_WORD).casefold():
            raise forms.ValidationError(_("Type the word “%(word)s”. Nothing was erased.") % {"word": ERASE_WORD})
        return word


class HandingIn(forms.Form):
    """A table of supporters."""

    table = forms.FileField(
        label=gettext_lazy("Table (CSV, UTF-8)"),
        help_text=gettext_lazy("at most 100,000 rows; nothing is written before you have seen the report"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={
            "required": gettext_lazy("Choose a CSV file of at most 20 MB."),
            "empty": gettext_lazy("The file is empty; its first row names the columns."),
        },
    )


class FilingAway(forms.Form):
    """What a person did about a reply."""

    result = words(gettext_lazy("What you did about it"), gettext_lazy("“answered by phone”; no names"))
