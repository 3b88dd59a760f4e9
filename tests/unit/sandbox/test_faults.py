"""The script of faults: what it takes, what it refuses, and who meets which step when."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import urgentaction.sandbox
from urgentaction.sandbox.faults import OK, Faults, FaultScriptError, Step, parse


def faults(*rules: dict[str, Any]) -> Faults:
    return Faults(parse({"rules": list(rules)}))


def rule(channel: str, address: str, *steps: Any, **more: Any) -> dict[str, Any]:
    return {"channel": channel, "address": address, "steps": list(steps), **more}


def test_steps_are_used_one_by_one_and_then_all_is_well() -> None:
    script = faults(rule("fax", "+12025550123", "busy", "no_answer"))
    reasons = [script.take("fax", "+12025550123").failure for _ in range(4)]
    assert reasons == ["user_busy", "receiver_no_answer", "", ""]


def test_the_last_step_can_repeat() -> None:
    script = faults(rule("email", "a@b.test", "ok", {"smtp": "550 5.1.1 no"}, then="repeat"))
    assert [script.take("email", "a@b.test").smtp for _ in range(4)] == ["", *["550 5.1.1 no"] * 3]


def test_each_address_behind_a_pattern_has_its_own_count() -> None:
    script = faults(rule("email", "*@Closed.invalid", {"smtp": "451 4.7.1 later"}))
    assert script.take("email", "a@closed.invalid").smtp
    assert script.take("email", "B@CLOSED.invalid").smtp
    assert not script.take("email", "A@closed.invalid").smtp


def test_an_exact_rule_goes_before_a_pattern_and_a_new_one_before_an_old_one() -> None:
    script = faults(rule("sms", "+1202555*", {"undelivered": 1}), rule("sms", "+12025550101", {"undelivered": 2}))
    assert script.take("sms", "+12025550101").undelivered == 2
    script.add(parse({"rules": [rule("sms", "+12025550101", {"undelivered": 3})]}))
    assert script.take("sms", "+12025550101").undelivered == 3
    script.add(parse({"rules": [rule("sms", "*", {"undelivered": 4})]}))
    assert script.take("sms", "+12025550102").undelivered == 4


def test_channels_do_not_mix() -> None:
    script = faults(rule("fax", "*", "busy"))
    assert script.take("sms", "+12025550101") == OK


def test_a_rule_at_mail_is_about_the_sender() -> None:
    script = faults(rule("email", "*@mail.test", {"smtp": "451 4.3.2 no", "at": "mail"}, then="repeat"))
    assert script.take("email", "x@mail.test") == OK
    assert script.take("email", "x@mail.test", is_sender=True).smtp == "451 4.3.2 no"


def test_true_stands_for_the_usual_value() -> None:
    script = faults(rule("sms", "*", "undelivered", "stop_reply", {"stop_reply": "그만"}))
    assert script.take("sms", "1") == Step(undelivered=30008)
    assert script.take("sms", "1") == Step(stop_reply="STOP")
    assert script.take("sms", "1") == Step(stop_reply="그만")


def test_defaults_and_the_inbound_address() -> None:
    script = Faults(parse({"defaults": {"fax": {"page_ms": 50}}, "inbound": {"sms_url": "http://127.0.0.1/x"}}))
    assert script.default("fax", "page_ms") == 0.05
    assert script.default("fax", "delay_ms") == 0
    script.clear()
    assert script.default("fax", "page_ms") == 0
    assert script.sms_inbound_url == "http://127.0.0.1/x"


def test_what_is_in_force_can_be_read_with_its_uses() -> None:
    script = faults(rule("fax", "*", "busy", then="repeat"))
    script.take("fax", "+1")
    assert script.describe()["rules"] == [
        {"channel": "fax", "address": "*", "steps": [{"failure": "user_busy"}], "then": "repeat", "uses": {"+1": 1}}
    ]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"rule": []}, "rule: unknown"),
        ({"rules": 3}, "rules: must be a list"),
        ({"rules": [3]}, r"rules\[0\]: must be a table"),
        ({"rules": [rule("post", "a", "ok")]}, r"rules\[0\].channel: must be one of email, fax, sms"),
        ({"rules": [rule("fax", "", "busy")]}, r"rules\[0\].address"),
        ({"rules": [rule("fax", "a")]}, r"rules\[0\].steps: at least one"),
        ({"rules": [rule("fax", "a", "busy", then="stop")]}, r"rules\[0\].then"),
        ({"rules": [rule("fax", "a", "busy", often=3)]}, r"rules\[0\].often: unknown"),
        ({"rules": [rule("fax", "a", {"smtp": "550 no"})]}, r"steps\[0\].smtp: unknown for fax"),
        ({"rules": [rule("email", "a", {"smtp": "250 2.0.0 fine"})]}, r"steps\[0\].smtp: must be a refusal"),
        ({"rules": [rule("email", "a", {"smtp": "550 a\r\n250 b"})]}, r"steps\[0\].smtp: must be a refusal"),
        ({"rules": [rule("email", "a", {"smtp": "550 no", "at": "ehlo"})]}, r"steps\[0\].at: must be one of"),
        ({"rules": [rule("sms", "a", {"http": 200})]}, r"steps\[0\].http"),
        ({"rules": [rule("sms", "a", {"http": True})]}, r"steps\[0\].http"),
        ({"rules": [rule("sms", "a", {"late_ms": -1})]}, r"steps\[0\].late_ms"),
        ({"rules": [rule("sms", "a", {"doubled": 2})]}, r"steps\[0\].doubled: can only be true"),
        ({"rules": [rule("sms", "a", 7)]}, r"steps\[0\]: must be a table or a name"),
        ({"defaults": {"fax": {"speed": 1}}}, "defaults.fax.speed: unknown"),
        ({"defaults": {"fax": {"page_ms": "1"}}}, "defaults.fax.page_ms: must be a whole number"),
        ({"inbound": {"url": "x"}}, "inbound: may hold sms_url and esp_url only"),
    ],
)
def test_a_wrong_script_is_refused_with_the_place(document: dict[str, Any], complaint: str) -> None:
    with pytest.raises(FaultScriptError, match=complaint):
        parse(document)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(FaultScriptError) as caught:
        parse({"rules": [rule("post", "", then="x")], "extra": 1})
    assert len(str(caught.value).split("; ")) >= 4


def test_the_example_in_the_readme_is_a_valid_script() -> None:
    readme = Path(urgentaction.sandbox.__file__).with_name("README.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    script = parse(tomllib.loads(example))
    assert len(script.rules) == 2
    assert script.sms_inbound_url


@given(delays=st.lists(st.integers(0, 3), min_size=1, max_size=6), is_repeating=st.booleans(), uses=st.integers(0, 12))
def test_the_nth_use_gets_the_nth_step(*, delays: list[int], is_repeating: bool, uses: int) -> None:
    steps = [{"delay_ms": delay} for delay in delays]
    script = faults(rule("sms", "*", *steps, then="repeat" if is_repeating else "ok"))
    taken = [script.take("sms", "x").delay_ms for _ in range(uses)]
    after = delays[-1] if is_repeating else 0
    assert taken == (delays + [after] * uses)[:uses]


@given(st.builds(Step, delay_ms=st.integers(0, 9), smtp=st.text(max_size=3), doubled=st.booleans()))
def test_a_step_survives_its_json(step: Step) -> None:
    assert Step(**step.to_json()) == step
