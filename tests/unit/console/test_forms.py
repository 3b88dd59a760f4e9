"""Selects: the same as Django's own, only not two templates for each option; time zones by their names."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates, get_default_renderer
from django.utils.translation import gettext_lazy as _

from urgentaction.console.forms import Renderer, TimeZoneField

CHOICES = [
    ("", "– choose –"),
    ("CI", "Côte d’Ivoire <&>"),
    ("far", [("KR", "South Korea"), (7, "Seven")]),
]


class Country(forms.Form):
    plain = forms.ChoiceField(choices=CHOICES, help_text="One of them.", label="A label")
    lazy = forms.TypedChoiceField(
        choices=[(1, _("email")), (2, "b")], coerce=int, widget=forms.Select(attrs={"data-x": '"'})
    )
    off = forms.ChoiceField(choices=CHOICES, required=False, disabled=True)


class Zone(forms.Form):
    zone = TimeZoneField()


class _Read(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, sorted(attrs, key=str)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append(data.strip())


@pytest.mark.parametrize("given", [None, {"plain": "KR", "lazy": "2"}, {"plain": "", "lazy": "x"}, {"off": "7"}])
def test_a_select_is_what_djangos_own_is(given: dict[str, str] | None) -> None:
    ours, theirs = Country(given, renderer=Renderer()), Country(given, renderer=DjangoTemplates())
    for name in ours.fields:
        assert _Read(str(ours[name])).found == _Read(str(theirs[name])).found
    assert "selected" in str(ours["plain"])


def test_pages_use_it() -> None:
    assert isinstance(get_default_renderer(), Renderer)


@pytest.mark.parametrize("given", ["Asia/Seoul", " asia/seoul ", "ASIA/SEOUL"])
def test_a_time_zone_is_found_by_its_name(given: str) -> None:
    form = Zone({"zone": given})
    assert form.is_valid()
    assert form.cleaned_data["zone"] == "Asia/Seoul"


def test_blanks_stand_for_underscores() -> None:
    assert TimeZoneField().clean("America/New  York") == "America/New_York"


@pytest.mark.parametrize("given", ["Mars", "Seoul", "../etc/passwd", "Asia/Seoul\x00", "x" * 65])
def test_what_is_no_time_zone_is_refused(given: str) -> None:
    assert not Zone({"zone": given}).is_valid()


def test_every_zone_is_offered_while_one_types() -> None:
    page = str(Zone(initial={"zone": "UTC"})["zone"])
    assert 'value="UTC"' in page
    assert 'list="id_zone_zones"' in page
    assert '<datalist id="id_zone_zones"><option value="UTC"></option>' in page
    assert '<option value="America/New_York"></option>' in page
