"""Nothing stored reaches a page as a code: each family of words is held against its enum, deeds against the code."""

from __future__ import annotations

import ast
import pathlib
import re
from enum import Enum

import pytest
from django.utils.functional import Promise

import urgentaction
from urgentaction.accounts.models import Role as StaffRole
from urgentaction.alerts.models import AlertKind, AlertState
from urgentaction.cases.queries import Shown
from urgentaction.channels.contract import Channel, ReceiptKind, RetryClass
from urgentaction.console.deeds import DEEDS
from urgentaction.console.reading import COLUMNS
from urgentaction.console.templatetags.words import rule_word, word
from urgentaction.console.vocabulary import FAMILIES
from urgentaction.deliveries.models import HumanTaskKind, Role
from urgentaction.deliveries.rules import State
from urgentaction.directory.kinds import CheckMethod, CheckResult, Health, OfficeKind
from urgentaction.incidents.rules import Severity
from urgentaction.letters.lint import Severity as FindingSeverity
from urgentaction.letters.models import TemplateState
from urgentaction.supporters.models import TableState
from urgentaction.supporters.rules import SuppressionReason
from urgentaction.triggers.decision import (
    Action,
    Approval,
    LetterKind,
    NoticeKind,
    OfficialsAudience,
    SupportersAudience,
)

ENUMS: dict[str, type[Enum]] = {
    "state": State,
    "meaning": State,
    "role": Role,
    "channel": Channel,
    "retry": RetryClass,
    "receipt": ReceiptKind,
    "task": HumanTaskKind,
    "alert-state": AlertState,
    "alert-kind": AlertKind,
    "letter": LetterKind,
    "notice": NoticeKind,
    "action": Action,
    "approval": Approval,
    "officials": OfficialsAudience,
    "supporters": SupportersAudience,
    "shown": Shown,
    "staff-role": StaffRole,
    "office": OfficeKind,
    "health": Health,
    "check-method": CheckMethod,
    "check-result": CheckResult,
    "severity": Severity,
    "finding": FindingSeverity,
    "template-state": TemplateState,
    "suppression": SuppressionReason,
    "table-state": TableState,
}
SOURCE = pathlib.Path(urgentaction.__file__).parent
TEMPLATES = SOURCE.parents[1] / "templates" / "console"


@pytest.mark.parametrize("family", ENUMS)
def test_every_value_of_an_enum_has_words(family: str) -> None:
    assert {str(key) for key in FAMILIES[family]} == {str(one.value) for one in ENUMS[family]}


def test_every_word_can_be_translated() -> None:
    texts: list[object] = [text for words in FAMILIES.values() for text in words.values()]
    assert [text for text in texts if not isinstance(text, Promise)] == []


def test_every_column_of_a_progress_table_has_words() -> None:
    assert set(FAMILIES["column"]) == set(COLUMNS)


def test_every_deed_that_is_recorded_has_words() -> None:
    assert recorded() - set(DEEDS) == set()


def test_templates_ask_for_families_that_there_are_and_show_no_bare_codes() -> None:
    texts = {path: path.read_text() for path in TEMPLATES.rglob("*.html")}
    asked = {name for text in texts.values() for name in re.findall(r'\|word:"([^"]*)"', text)}
    assert asked - set(FAMILIES) == set()
    bare = re.compile(r"\{\{ [\w.]*\.(?:state|role|channel|outcome|retry_class|severity|health) \}\}(?!\"|')")
    shown = [
        f"{path.name}: {one}" for path, text in texts.items() for one in bare.findall(text.replace("state-{{", ""))
    ]
    assert shown == []


def test_words_stand_for_codes() -> None:
    assert word("awaiting_approval", "alert-state") == "awaiting approval"
    assert word("kept as it is", "state") == "kept as it is"


def test_what_a_rule_decided_is_said_in_words() -> None:
    assert rule_word("two", "approval") == "two different people"
    assert rule_word("all: fax, email, cascade", "officials") == (
        "all officials of the case: fax, email, by one after the other"
    )
    assert rule_word("48", "deadline_hours") == "48"


def recorded() -> set[str]:
    """Every deed that the code hands to `record_audit` as it stands, and those made from an alert's state."""
    found = {f"alert.{state}" for state in ("rejected", "withdrawn", "expired")}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            deed = node.args[1]
            if name in ("record_audit", "_record") and isinstance(deed, ast.Constant) and "." in str(deed.value):
                found.add(str(deed.value))
    return found
