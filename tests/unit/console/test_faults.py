"""Where in a rule set's text a fault stands."""

from __future__ import annotations

import pytest

from urgentaction.console.operations.faults import line_of
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.ruleset import load, shipped_text

TEXT = """version = "1"
[[rule]]
id = "first"
hold_minutes = 3
[rule.officials]
to = ["fax"]
[rule.supporters]
channels = ["email"]

[[rule]]
id = "second"
hold_minutes = 4
"""


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("version", 1),
        ("rule first, hold_minutes", 4),
        ("rule first, officials.to", 6),
        ("rule first, supporters.channels", 8),
        ("rule second, hold_minutes", 12),
        ("rule second, officials.to", 10),
        ("rule number 2, action", 10),
        ("rule third, action", None),
        ("rules", None),
    ],
)
def test_a_fault_is_led_back_to_its_line(field: str, line: int | None) -> None:
    assert line_of(TEXT, field) == line


def test_every_fault_of_a_broken_rule_set_has_its_line() -> None:
    broken = shipped_text().replace("deadline_hours = ", "dead_line_hours = ")
    with pytest.raises(InvalidInput) as wrong:
        load(broken.encode())
    lines = broken.split("\n")
    found = [(one, line_of(broken, one.field, one.message)) for one in wrong.value.problems]
    assert len(found) == 7
    for problem, line in found:
        assert line is not None
        assert lines[line - 1].startswith(("[[rule]]", "dead_line_hours")), problem


def test_a_fault_of_the_notation_names_its_line_itself() -> None:
    with pytest.raises(InvalidInput) as wrong:
        load(b'version = "1"\nrule = = 3\n')
    problem = wrong.value.problems[0]
    assert line_of("", problem.field, problem.message) == 2
