"""What rooms say, on pages: in the reader's language, with the page's own deeds in place of commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

import urgentaction
from urgentaction.alerts.models import AlertState
from urgentaction.alerts.service import TAKEN_BACK
from urgentaction.cases.vocabulary import Status, label
from urgentaction.console.phrasing import INSTEAD, PLACES, found_again, in_words, refusal_in_words
from urgentaction.core.errors import Conflict, NotAllowed
from urgentaction.core.phrases import Code, Named, Phrase, say
from urgentaction.deliveries import announcing, escalate, reasons, unknowns

SOURCE = Path(urgentaction.__file__).parent
PHRASES = [one for place in PLACES for one in vars(place).values() if isinstance(one, Phrase)]


def modules_with_phrases() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "core.phrases import" in text and re.search(r"\bPhrase(\.typed)?\(", text):
            yield ".".join(("urgentaction", *path.relative_to(SOURCE).with_suffix("").parts))


def test_every_module_that_stores_phrases_is_looked_through() -> None:
    assert set(modules_with_phrases()) == {place.__name__ for place in PLACES}


def test_what_names_commands_is_said_otherwise_on_pages() -> None:
    typed = {
        phrase.template for phrase in PHRASES if "`urgentaction" in phrase.template or "`alert " in phrase.template
    }
    assert typed <= INSTEAD.keys()
    assert INSTEAD.keys() <= {phrase.template for phrase in PHRASES}


def test_an_alternative_uses_no_value_that_is_not_there() -> None:
    for template, instead in INSTEAD.items():
        names = re.compile(r"%\((\w+)\)s")
        assert set(names.findall(instead)) <= set(names.findall(template)), template


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.template[:40])
def test_each_is_found_again_as_itself(phrase: Phrase) -> None:
    values = {name: f"<{name}>" for name in re.findall(r"%\((\w+)\)s", phrase.template)}
    found = found_again(str(phrase(**values)))
    assert found is not None
    assert found.template == phrase.template
    assert dict(found.values) == values


def test_a_page_names_its_own_deeds() -> None:
    advice = unknowns.FIND_OUT(gateway="telnyx", reference="d-7", delivery=7)
    assert "urgentaction delivery settle" in advice, "terminals are told what to type"
    assert in_words(str(advice)) == (
        "The gateway telnyx took it or not, nobody can say. Look at its own log for our reference d-7, or ask the "
        "recipient; then say what became of it."
    )


def test_korean_readers_get_korean() -> None:
    with translation.override("ko"):
        assert in_words(
            str(announcing.WAITS(number="UA-1/1", status=label(Status.RETURN_IMMINENT), confidence="confirmed"))
        ) == ("긴급행동 UA-1/1이(가) 결정을 기다립니다 (강제송환 임박, 확인됨)")
        assert in_words(str(escalate.BY_HAND(why=escalate.NO_POINT()))).startswith(
            "기계로 시도할 방법이 남지 않았습니다 (등록된 연락처 없음)."
        )
        assert "예정된 수단에" in in_words(str(escalate.BY_HAND(why=escalate.NO_PLANNED())))
        assert in_words(str(reasons.ALERT_STOPPED(why=TAKEN_BACK()))) == "긴급행동 중단: 승인이 취소됨"


def test_a_name_is_the_readers_where_there_is_one() -> None:
    minister = Named.of("Minister", {"en": "Minister", "ko": "장관"})
    envoy = Named.of("Envoy", {"en": "Envoy", "fr": "Envoyé"})
    said = say("%(office)s · %(official)s", office=minister, official=envoy)
    assert said == "Minister · Envoy"
    with translation.override("ko"):
        assert in_words(said) == "장관 · Envoy"
        assert in_words(minister) == "장관"


def test_a_stored_sentence_is_english_whoever_is_logged_in() -> None:
    with translation.override("ko"):
        assert announcing.WAITS(number="1", status="s", confidence="c") == "Alert 1 waits for a decision (s, c)"


def test_what_is_not_ours_stays_as_it_is() -> None:
    with translation.override("ko"):
        assert in_words("550 5.1.1 no such user") == "550 5.1.1 no such user"
        assert in_words("") == ""


def test_a_refusal_is_a_sentence() -> None:
    state = Code.of("alert-state", AlertState.AWAITING_APPROVAL)
    refusal = Conflict.of(
        "state", say("alert %(number)s is %(state)s; withdraw it instead", number="UA-1/1", state=state)
    )
    assert str(refusal) == "state: alert UA-1/1 is awaiting approval; withdraw it instead"
    assert refusal_in_words(refusal) == "Alert UA-1/1 is awaiting approval; withdraw it instead."
    with translation.override("ko"):
        assert refusal_in_words(refusal) == "긴급행동 UA-1/1의 상태는 “승인 대기 중”입니다. 반려 대신 철회하십시오."
    assert refusal_in_words(NotAllowed("No.")) == "No."


def test_templates_are_plain_texts() -> None:
    """The collector of words reads them out of the source: no f-string, no name."""
    for path in SOURCE.rglob("*.py"):
        if "phrases import" not in (text := path.read_text(encoding="utf-8")):
            continue
        for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and node.args):
            if isinstance(call.func, ast.Name) and call.func.id in ("say", "Phrase"):
                assert isinstance(call.args[0], ast.Constant), f"{path.name}:{call.lineno}"
