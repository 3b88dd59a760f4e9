"""Choices among hundreds: the same as Django's own, only not a template for each; time zones by their names."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django import forms

from urgentaction.console.forms import LongSelect, TimeZoneField

CHOICES = [("", "– choose –"), ("CI", "Côte d’Ivoire <&>"), ("KR", "South Korea")]


class Country(forms.Form):
    plain = forms.ChoiceField(choices=CHOICES, help_text="One of them.")
    long = forms.ChoiceField(choices=CHOICES, help_text="One of them.", widget=LongSelect)


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


@pytest.mark.parametrize("form", [Country(), Country({"plain": "KR", "long": "KR"}), Country({"long": ""})])
def test_a_long_select_is_what_djangos_own_is(form: Country) -> None:
    if form.is_bound and not form.data.get("plain"):
        form = Country({"plain": "", "long": ""})
    plain = str(form["plain"]).replace('"plain"', '"long"').replace("id_plain", "id_long")
    assert _Read(str(form["long"])).found == _Read(plain).found


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
