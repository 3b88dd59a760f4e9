"""Sentences that remember what they were made of, and are found again in what was stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.core.phrases import Code, Phrase, Said, say

STOPPED = Phrase("alert %(number)s stopped: %(why)s")
STATE = Phrase("it is %(state)s (100%% sure)", state="alert-state")


def test_a_sentence_is_its_english_text() -> None:
    said = say("alert %(number)s is over", number="UA-1/1")
    assert said == "alert UA-1/1 is over"
    assert (said.template, said.values) == ("alert %(number)s is over", {"number": "UA-1/1"})


def test_without_values_a_percent_sign_is_one() -> None:
    assert say("100% sure") == "100% sure"


def test_sentences_and_codes_stay_what_they_are_within_a_sentence() -> None:
    said = say(
        "%(why)s, %(state)s, %(number)s", why=say("gone"), state=Code.of("alert-state", "awaiting_approval"), number=7
    )
    assert said == "gone, awaiting approval, 7"
    assert isinstance(said.values["why"], Said)
    state = said.values["state"]
    assert isinstance(state, Code)
    assert (state.family, state.stored) == ("alert-state", "awaiting_approval")


@given(number=st.text().filter(lambda text: " stopped: " not in text), why=st.text())
def test_values_are_found_again(number: str, why: str) -> None:
    found = STOPPED.found_in(STOPPED(number=number, why=why))
    assert found is not None
    assert found.values == {"number": number, "why": why}


def test_a_code_is_found_again_as_one() -> None:
    found = STATE.found_in("it is held (100% sure)")
    assert found is not None
    assert isinstance(found.values["state"], Code)


@pytest.mark.parametrize("text", ["", "alert", "another stopped: x", "alert 1 stopped", "Alert 1 stopped: x"])
def test_another_text_is_none_of_it(text: str) -> None:
    assert STOPPED.found_in(text) is None
