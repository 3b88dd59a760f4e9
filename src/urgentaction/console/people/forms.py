"""The forms of accounts: ours, and allauth's in our words."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, ReauthenticateForm
from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as FactorAgainForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.people import LONGEST_REASON
from urgentaction.console.forms import TimeZoneField
from urgentaction.console.phrasing import in_words
from urgentaction.core.errors import InvalidInput

_CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
ROLES = [
    ("viewer", _("Viewer: sees everything that is not personal")),
    ("editor", _("Editor: records updates, edits the directory and texts, withdraws")),
    ("approver", _("Approver: decides what is sent")),
    ("administrator", _("Administrator: people, settings, gateways")),
]


class LoginForm(AllauthLoginForm):  # type: ignore[misc]
    """Name or address, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.CharField(
            label=_("User name or email"),
            max_length=254,
            widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
        )
        _plain(self, "password", _("Password"))
        self.order_fields(["login", "password"])


class PasswordAgainForm(ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, "password", _("Password"), autofocus=True)


class PasswordChangeForm(ChangePasswordForm):  # type: ignore[misc]
    """The old one, and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, "oldpassword", _("Password until now"))
        _plain(self, "password1", _("New password"), help_text=password_rules())
        _plain(self, "password2", _("New password, again"))


class CodeForm(AuthenticateForm):  # type: ignore[misc]
    """A code of the app, or a recovery code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code of your app, or a recovery code")
        self.fields["code"].widget.attrs = dict(_CODE)


class CodeAgainForm(FactorAgainForm):  # type: ignore[misc]
    """The same, before something sensitive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code of your app, or a recovery code")
        self.fields["code"].widget.attrs = dict(_CODE)


class FirstCodeForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new app, which shows that it has the secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code that the app shows now")
        self.fields["code"].widget.attrs = {**_CODE, "autofocus": False}


class AddKeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A name for the passkey, and whether it may be the only thing asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name, to tell it from others")
        self.fields["name"].widget.attrs = {"autocomplete": "off", "maxlength": 60}
        self.fields["passwordless"].label = _("Log in with it alone, without a password")
        self.fields["passwordless"].help_text = _(
            "Then it has to check that it is you, by a fingerprint, your face or a PIN."
        )


class RenameKeyForm(EditWebAuthnForm):  # type: ignore[misc]
    """Another name for a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name, to tell it from others")


class InviteForm(forms.Form):
    """Whom to ask in."""

    email = forms.EmailField(label=_("Email"), help_text=_("The invitation goes there; nobody else gets the link."))
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, widget=forms.RadioSelect, initial="viewer")
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, help_text=_("Of the mail, and of the pages to begin with.")
    )


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES)


class ReasonForm(forms.Form):
    """Why. The audit log keeps it."""

    why = forms.CharField(label=_("Why"), max_length=LONGEST_REASON, help_text=_("The audit log keeps it."))


class JoinForm(forms.Form):
    """What the invited chooses."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        help_text=_("Letters, digits and . + - _; your colleagues see it."),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    again = forms.CharField(
        label=_("Password, again"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, is_for_password: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_rules()
        if is_for_password:
            del self.fields["username"]

    def clean(self) -> dict[str, Any]:
        """Both passwords are the same."""
        cleaned = super().clean() or {}
        if cleaned.get("password") and cleaned.get("again") and cleaned["password"] != cleaned["again"]:
            self.add_error("again", _("The two differ; type it again."))
        return cleaned


class PreferencesForm(forms.Form):
    """How the pages are read."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = TimeZoneField(
        label=_("Time zone"), help_text=_("Times are shown in it. Type a part of its name, such as Seoul.")
    )


def add_problems(form: forms.Form, refusal: InvalidInput) -> None:
    """Put what a verb found wrong at the fields it names."""
    for problem in refusal.problems:
        form.add_error(problem.field if problem.field in form.fields else None, in_words(problem.message))


def password_rules() -> Any:
    """What a password has to be, as one text."""
    return " ".join(password_validators_help_texts())


def _plain(form: Any, name: str, label: Any, *, help_text: str = "", autofocus: bool = False) -> None:
    """A field of allauth's in our words: no placeholder, no link to a page that isn't there."""
    field = form.fields[name]
    field.label, field.help_text = label, help_text
    field.widget.attrs.pop("placeholder", None)
    if autofocus:
        field.widget.attrs["autofocus"] = True
