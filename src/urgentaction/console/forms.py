"""What the forms of several families share: refusals at their fields, a line of plain text, choices among many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from urgentaction.console.phrasing import in_words, problem_in_words
from urgentaction.core.errors import InvalidInput


class Refusable(forms.Form):
    """A form that can show what the rooms below refused."""

    def refuse(self, refusal: InvalidInput) -> None:
        """Put each problem at the field it is about; what is about none stands above them."""
        for problem in refusal.problems:
            is_ours = problem.field in self.fields
            self.add_error(
                problem.field if is_ours else None,
                (in_words(problem.message) if is_ours else problem_in_words(problem)),
            )


class PlainText(forms.CharField):
    """One line that is printed as it was typed: blanks at its ends and control characters are not part of it."""

    def to_python(self, value: Any) -> str:
        """The line, its blanks single."""
        said = " ".join((super().to_python(value) or "").split())
        if not said.isprintable():
            raise forms.ValidationError(_("This contains a control character; write plain text."))
        return said


class Renderer(DjangoTemplates):
    """As Django renders fields (`FORM_RENDERER`), but selects in one go: its own makes two templates of each option.

    Those took 25 ms for all countries, and a third of a list's page for its filters.
    """

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """The same HTML as Django's."""
        if template_name == "django/forms/widgets/select.html":
            return _select(context["widget"])
        return super().render(template_name, context, request)


def _select(widget: Mapping[str, Any]) -> SafeString:
    groups = [
        format_html('<optgroup label="{}">{}</optgroup>', name, _options(options)) if name else _options(options)
        for name, options, _ in widget["optgroups"]
    ]
    own = flatatt(widget["attrs"])
    return format_html('<select name="{}"{}>{}</select>', widget["name"], own, SafeString("\n".join(groups)))


def _options(options: Iterable[Mapping[str, Any]]) -> SafeString:
    told = ((str(one["value"]), flatatt(one["attrs"]) if one["attrs"] else "", one["label"]) for one in options)
    return format_html_join("\n", '<option value="{}"{}>{}</option>', told)


class TimeZoneInput(forms.TextInput):
    """Typed; a browser offers the names that fit, by any part of them. Among 600 in a select nobody finds Seoul."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The field, and the names that are offered."""
        offered = f"{(attrs or {}).get('id', name)}_zones"
        told = {"autocomplete": "off", "spellcheck": "false", **(attrs or {}), "list": offered}
        field = super().render(name, value, told, renderer)
        return format_html('{}<datalist id="{}">{}</datalist>', field, offered, _zone_options())


class OfficeInput(forms.TextInput):
    """An office by its short name; those that fit are offered while somebody types (`directory.pages.suggestions`).

    A directory has thousands: too many for a select, or to send along with each form. Without scripts the short name is
    typed whole.
    """

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The field, and an empty list that htmx fills."""
        offered = f"{(attrs or {}).get('id', name)}_offices"
        told = {
            "autocomplete": "off",
            "spellcheck": "false",
            **(attrs or {}),
            "list": offered,
            "hx-get": reverse("console:office-suggestions"),
            "hx-trigger": "input changed delay:200ms",
            "hx-target": f"#{offered}",
            "hx-sync": "this:replace",
        }
        field = super().render(name, value, told, renderer)
        return format_html('{}<datalist id="{}"></datalist>', field, offered)


class TimeZoneField(forms.CharField):
    """A time zone by its IANA name. Capitals don't matter, and blanks stand for underscores: `america/new york`."""

    widget = TimeZoneInput
    default_error_messages = {  # noqa: RUF012 - Django's own way
        "unknown": _("There is no such time zone. Write it like Asia/Seoul, or choose one that is offered."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def clean(self, value: Any) -> str:
        """The name as the system has it."""
        given = super().clean(value)
        if not given:
            return ""
        name = _zones().get("_".join(given.lower().split()))
        if name is None:
            raise forms.ValidationError(self.error_messages["unknown"], code="unknown")
        return name


@cache
def _zones() -> Mapping[str, str]:
    """Every name, by itself in small letters. Kept: looking through the system's files takes 20 ms."""
    return {name.lower(): name for name in available_timezones()}


@cache
def _zone_options() -> SafeString:
    """Those that a person would look for: UTC, then by continent."""
    names = ["UTC", *sorted(name for name in _zones().values() if "/" in name and not name.startswith("Etc/"))]
    return format_html_join("", '<option value="{}"></option>', ((name,) for name in names))
