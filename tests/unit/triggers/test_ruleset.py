"""The shipped rules are complete and safe; a faulty file is refused with every fault named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput, NotFound
from urgentaction.triggers import ruleset
from urgentaction.triggers.decision import Level, Rule
from urgentaction.triggers.ruleset import load, shipped

SHIPPED = Path(ruleset.__file__).with_name("shipped.toml").read_text(encoding="utf-8")


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load(text.encode())
    return [str(problem) for problem in caught.value.problems]


def changed(old: str, new: str, *, text: str = SHIPPED) -> str:
    assert old in text
    return text.replace(old, new, 1)


def in_rule(rule: str, old: str, new: str) -> str:
    """The shipped text with `old` replaced within one rule."""
    head, start, tail = SHIPPED.partition(f'id = "{rule}"')
    assert start
    return head + start + changed(old, new, text=tail)


def test_the_digest_depends_on_the_content_and_not_on_the_layout() -> None:
    again = load(f"# another comment\n\n{SHIPPED}".encode())
    other = load(changed("escalate_after_minutes = 30", "escalate_after_minutes = 31").encode())

    assert again == shipped()
    assert again.digest == shipped().digest
    assert len(shipped().digest) == 64
    assert other.digest != shipped().digest
    assert json.loads(shipped().canonical())["version"] == shipped().version


def test_where_hours_count_no_letter_waits_for_an_office_to_open() -> None:
    plans = [(rule.level, rule.officials) for rule in shipped().rules if isinstance(rule, Rule) and rule.officials]
    assert {plan.office_hours for level, plan in plans if level is Level.HOURS} == {()}
    others = [plan for level, plan in plans if level is not Level.HOURS and Channel.FAX in plan.to]
    assert {plan.office_hours for plan in others} == {(Channel.FAX,)}


def test_a_file_can_be_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(SHIPPED, encoding="utf-8")

    assert load(path) == load(str(path)) == shipped()
    with pytest.raises(NotFound, match="there is no file"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            in_rule("proceedings", '"charged", "on_trial"', '"on_trial"'),
            "rules: charged (credible) has no rule; add it to the statuses of one",
        ),
        (
            in_rule("proceedings", '"charged"', '"charged", "detained"'),
            "rule proceedings, statuses: detained (credible) is in at-risk and proceedings; keep it in one",
        ),
        (
            in_rule("proceedings", '"charged"', '"chargd"'),
            "rule proceedings, statuses: “chargd” is not known (did you mean charged?); allowed: reported, verified",
        ),
        (
            in_rule("imminent", 'to = ["fax", "email"]', 'to = ["pigeon"]'),
            "rule imminent, officials.to: “pigeon” is not known; allowed: email, fax, sms",
        ),
        (
            in_rule("imminent", "hold_minutes = 0", "hold_minuts = 0"),
            "rule imminent, hold_minuts: is not a key of a rule set; did you mean hold_minutes?",
        ),
        (
            in_rule("imminent", "hold_minutes = 0", "hold_minutes = true"),
            "rule imminent, hold_minutes: must be a whole number from 0 to 10080",
        ),
        (
            in_rule("imminent", "deadline_hours = 48", ""),
            "rule imminent, deadline_hours: is missing; say after how many hours unsent letters are of no use",
        ),
        (in_rule("imminent", "priority = 1", "priority = 2"), "rule imminent, priority: must be 1, the level"),
        (in_rule("imminent", 'supersedes = "always"', ""), "rule imminent, supersedes: is missing; add it"),
        (
            in_rule("imminent", "override_quiet_hours_where_allowed = true", "override_quiet_hours_where_allowed = 1"),
            "rule imminent, supporters.override_quiet_hours_where_allowed: must be true or false",
        ),
        (
            in_rule("at-risk", 'channels = ["email", "sms"]', 'channels = ["email", "fax"]'),
            "rule at-risk, supporters.channels: fax is for officials; use email or sms",
        ),
        (
            in_rule("at-risk", "hold_minutes = 10", "hold_minutes = 5760"),
            "rule at-risk, hold_minutes: reaches beyond the deadline; nothing could ever go out",
        ),
        (
            in_rule("imminent", "escalate_after_minutes = 30", "escalate_after_minutes = 2880"),
            "rule imminent, officials.escalate_after_minutes: reaches beyond the deadline; nothing could ever follow",
        ),
        (
            in_rule("at-risk", 'to = ["fax", "email"]', 'to = ["email"]'),
            "rule at-risk, officials.office_hours: names a channel that is neither in officials.to nor in officials.cc",
        ),
        (
            in_rule("proceedings", 'to = ["email", "fax"]', 'to = ["fax"]'),
            "rule proceedings, officials.order: cascade needs at least two channels in officials.to",
        ),
        (in_rule("freed", 'letter = "stop_action"', ""), "rule freed, letter: goes with [rule.officials]"),
        (
            in_rule("freed", 'action = "follow_up"', 'action = "appeal"'),
            "rule freed, action: levels 4 and 5 never send appeals: use follow_up",
        ),
        (in_rule("grave", 'approval = "two"', 'approval = "one"'), "rule grave, approval: level 5 needs two people"),
        (
            in_rule("grave", 'start = "family_informed"', ""),
            "rule grave, supporters.start: the family is told first: use family_informed",
        ),
        (
            in_rule("at-risk", '"threatened"', '"threatened", "died"'),
            "rule at-risk, level: forced return and death are level 5: move them to a rule of that level",
        ),
        (
            in_rule("imminent", '"credible", "confirmed"', '"rumoured", "credible", "confirmed"'),
            "rule imminent, action: a rumour never sends by itself: use draft_only or record_only",
        ),
        (
            in_rule("rumour", 'action = "draft_only"', 'action = "appeal"'),
            "rule rumour, action: must be draft_only where as_if is given",
        ),
        (
            in_rule("rumour", 'as_if = "confirmed"', 'as_if = "rumoured"'),
            "rule rumour, as_if: names a confidence of this rule itself",
        ),
        (changed('id = "intake"', ""), "rule number 1, id: is missing; add it"),
        (changed('id = "freed"', 'id = "grave"'), "rule grave, id: is used by another rule too"),
        ('version = "1"', "rule: is missing; add it"),
        ('version = "1"\nrule = 3', "rule: must be one or more tables: [[rule]]"),
        ("version = ", "rules: the file is not TOML: "),
    ],
)
def test_a_fault_is_named_by_rule_and_key(text: str, fault: str) -> None:
    assert any(line.startswith(fault) for line in faults(text)), faults(text)


def test_all_faults_are_told_at_once() -> None:
    text = in_rule("imminent", "hold_minutes = 0", "hold_minutes = -1").replace("deadline_hours = 240", "")

    assert [line.partition(":")[0] for line in faults(text)] == [
        "rule imminent, hold_minutes",
        "rule proceedings, deadline_hours",
    ]


def test_a_draft_of_a_draft_is_refused() -> None:
    text = changed('id = "rumour"', 'id = "rumour"', text=SHIPPED).replace('["credible", "confirmed"]', '["confirmed"]')
    text += '\n[[rule]]\nid = "hearsay"\nstatuses = ["*"]\nconfidences = ["credible"]\naction = "draft_only"\n'
    text += 'as_if = "rumoured"\n'

    assert any("would draft another draft" in line for line in faults(text))


def test_a_file_that_is_not_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not UTF-8"):
        load(b"version = '\xff'")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_rubbish_is_refused_in_words(rubbish: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(rubbish)
    assert str(caught.value)
