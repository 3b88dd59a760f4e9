"""The words of a case can be read in every language of letters and typed in any spelling."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.cases.vocabulary import (
    LANGUAGES,
    Confidence,
    CountryRole,
    Status,
    label,
    parse_confidence,
    parse_country_role,
    parse_status,
)
from urgentaction.core.errors import InvalidInput


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_has_a_label_of_its_own(language: str) -> None:
    for words in (Status, Confidence, CountryRole):
        labels = [label(word, language) for word in words]
        assert all(labels)
        assert len(set(labels)) == len(labels)


def test_labels_use_the_terms_of_the_field() -> None:
    assert label(Status.RETURN_IMMINENT) == "at imminent risk of forcible return"
    assert label(Status.RETURN_IMMINENT, "ko-KR") == "강제송환 임박"
    assert label(Status.RETURN_IMMINENT, "zh-Hans") == label(Status.RETURN_IMMINENT, "zh_Hans") == "即将被强制遣返"
    assert label(Status.FATE_UNKNOWN) == "fate and whereabouts unknown"


def test_a_language_without_labels_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"status labels exist in en, ko, .*, ja, not in “de”"):
        label(Status.DETAINED, "de")


@pytest.mark.parametrize("text", ["return_imminent", "Return imminent", " RETURN-IMMINENT ", "return  imminent"])
def test_spelling_does_not_matter(text: str) -> None:
    assert parse_status(text) is Status.RETURN_IMMINENT


def test_a_typing_error_is_answered_with_the_near_word_and_all_words() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_status("detaned")

    [problem] = caught.value.problems
    assert problem.field == "status"
    assert problem.message.startswith("“detaned” is not a status; did you mean detained")
    assert all(status.value in problem.message for status in Status)


def test_nothing_typed() -> None:
    with pytest.raises(InvalidInput, match="status: a status is needed; allowed: reported"):
        parse_status("  ")


def test_the_other_words_are_parsed_too() -> None:
    assert parse_confidence("Confirmed") is Confidence.CONFIRMED
    assert parse_country_role("custodian") is CountryRole.CUSTODIAN
    with pytest.raises(InvalidInput, match=r"confidence: “sure” is not a confidence.*rumoured, credible, confirmed"):
        parse_confidence("sure")


# Capitals, spaces and hyphens don't matter, so hypothesis may well type a status.
@given(st.text().filter(lambda text: "_".join(re.split(r"[\W_]+", text.strip().lower())) not in set(Status)))
def test_anything_else_typed_gets_one_line_of_help(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_status(text)
    assert len(str(caught.value).splitlines()) == 1
