"""Reads and checks trigger rules written in TOML.

Owns the file format. Every fault is found in one go and named by rule id and key. Two kinds of faults are refused that
are not about spelling: a status that has no rule, or several, at some confidence; and a rule under which a rumour or
a death could go out by itself.
"""

from __future__ import annotations

import difflib
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import product
from pathlib import Path
from typing import TypeVar

from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput, NotFound, Problem
from urgentaction.triggers.decision import (
    Action,
    Approval,
    DraftRule,
    IfNobodyReached,
    LetterKind,
    Level,
    NoticeKind,
    OfficialPlan,
    OfficialsAudience,
    Order,
    Rule,
    RuleSet,
    Start,
    Supersession,
    SupporterPlan,
    SupportersAudience,
)

_Word = TypeVar("_Word", bound=StrEnum)

_WEEK = 7 * 24 * 60
_YEAR_HOURS = 366 * 24


@cache
def shipped() -> RuleSet:
    """The rule set that comes with the program."""
    return load(shipped_text().encode())


def shipped_text() -> str:
    """The file of that rule set, comments and all: what people start from who want to change it."""
    return resources.files("urgentaction.triggers").joinpath("shipped.toml").read_text(encoding="utf-8")


def load(source: Path | str | bytes) -> RuleSet:
    """A rule set out of a file (a path) or out of the file's bytes.

    Raises:
        NotFound: there is no such file.
        InvalidInput: with one problem for every fault, its field being "rule <id>, <key>".
    """
    problems: list[Problem] = []
    reader = _Reader(_parse(source), "", problems)
    version = reader.text("version")
    tables = reader.tables("rule")
    reader.finish()
    rules = [rule for position, table in enumerate(tables, 1) if (rule := _rule(table, position, problems))]
    problems.extend(_doubled_ids(rules))
    if not problems:
        problems.extend(_coverage(rules))
    if problems:
        raise InvalidInput(problems)
    return RuleSet(version, tuple(rules))


def _parse(source: Path | str | bytes) -> dict[str, object]:
    content = source if isinstance(source, bytes) else _read(Path(source))
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as fault:
        raise InvalidInput.of("rules", f"the file is not UTF-8 (byte {fault.start}); save it as UTF-8") from fault
    except RecursionError as fault:
        raise InvalidInput.of("rules", "the file has lists within lists beyond measure") from fault
    except ValueError as fault:  # TOMLDecodeError is one; a number of thousands of digits is another
        raise InvalidInput.of("rules", f"the file is not TOML: {fault}") from fault


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as missing:
        raise NotFound.of("rules", f"there is no file {path}") from missing


class _Reader:
    """Takes typed values out of a TOML table, noting every fault; `finish` complains about what nobody asked for."""

    def __init__(self, table: Mapping[str, object], where: str, problems: list[Problem], *, prefix: str = "") -> None:
        self._table = table
        self._where = where
        self._problems = problems
        self._prefix = prefix
        self._asked: set[str] = set()

    def fault(self, key: str, message: str) -> None:
        name = f"{self._prefix}{key}"
        self._problems.append(Problem(f"{self._where}, {name}" if self._where else name, message))

    def has(self, key: str) -> bool:
        return key in self._table

    def _take(self, key: str, *, is_needed: bool = True) -> object:
        self._asked.add(key)
        if is_needed and key not in self._table:
            self.fault(key, "is missing; add it")
        return self._table.get(key)

    def text(self, key: str) -> str:
        value = self._take(key)
        if isinstance(value, str) and value.strip():
            return value
        if value is not None:
            self.fault(key, "must be a text in quotes")
        return ""

    def flag(self, key: str) -> bool:
        value = self._take(key, is_needed=False)
        if value is not None and not isinstance(value, bool):
            self.fault(key, "must be true or false")
        return value is True

    def number(self, key: str, *, lowest: int, highest: int, default: int | None = None) -> int | None:
        value = self._take(key, is_needed=False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self.fault(key, f"must be a whole number from {lowest} to {highest}")
            return default
        return value

    def word(self, key: str, words: type[_Word], *, default: _Word | None = None) -> _Word | None:
        value = self._take(key, is_needed=False)
        return default if value is None else self._as_word(key, words, value)

    def needed_word(self, key: str, words: type[_Word], *, otherwise: _Word) -> _Word:
        """Like `word`, but its absence is a fault; `otherwise` stands in so that reading can go on."""
        value = self._take(key)
        return otherwise if value is None else self._as_word(key, words, value) or otherwise

    def words(self, key: str, words: type[_Word], *, is_needed: bool = True) -> tuple[_Word, ...]:
        """A list of words, in order; `["*"]` is all of them."""
        value = self._take(key, is_needed=is_needed)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fault(key, "must be a list in square brackets")
            return ()
        if value == ["*"]:
            return tuple(words)
        if is_needed and not value:
            self.fault(key, "is empty; name at least one")
        found = tuple(word for item in value if (word := self._as_word(key, words, item)))
        if len(set(found)) != len(found):
            self.fault(key, "names a word twice; name each once")
        return found

    def _as_word(self, key: str, words: type[_Word], value: object) -> _Word | None:
        allowed = [word.value for word in words]
        if value in allowed:
            return words(value)
        near = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        self.fault(key, f"“{value}” is not known{hint}; allowed: {', '.join(allowed)}")
        return None

    def table(self, key: str) -> _Reader | None:
        value = self._take(key, is_needed=False)
        if isinstance(value, dict):
            return _Reader(value, self._where, self._problems, prefix=f"{key}.")
        if value is not None:
            self.fault(key, f"must be a table: [rule.{key}]")
        return None

    def tables(self, key: str) -> list[dict[str, object]]:
        value = self._take(key)
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return value
        if value is not None:
            self.fault(key, f"must be one or more tables: [[{key}]]")
        return []

    def finish(self) -> None:
        for key in self._table:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, n=1)
                self.fault(key, f"is not a key of a rule set; {f'did you mean {near[0]}?' if near else 'remove it'}")


def _rule(table: Mapping[str, object], position: int, problems: list[Problem]) -> Rule | DraftRule | None:
    """One `[[rule]]`, or None where it had faults (they are in `problems` then)."""
    so_far = len(problems)
    where = f"rule {table['id']}" if isinstance(table.get("id"), str) and table["id"] else f"rule number {position}"
    reader = _Reader(table, where, problems)
    rule = _draft_rule(reader) if reader.has("as_if") else _full_rule(reader)
    reader.finish()
    if len(problems) > so_far:
        return None
    for key, message in _draft_faults(rule) if isinstance(rule, DraftRule) else _faults(rule):
        reader.fault(key, message)
    return rule


def _draft_rule(reader: _Reader) -> DraftRule:
    action = reader.needed_word("action", Action, otherwise=Action.DRAFT_ONLY)
    if action is not Action.DRAFT_ONLY:
        reader.fault("action", "must be draft_only where as_if is given")
    return DraftRule(
        id=reader.text("id"),
        statuses=reader.words("statuses", Status),
        confidences=reader.words("confidences", Confidence),
        as_if=reader.needed_word("as_if", Confidence, otherwise=Confidence.CONFIRMED),
    )


def _full_rule(reader: _Reader) -> Rule:
    level = reader.number("level", lowest=1, highest=5)
    letter, notice = reader.word("letter", LetterKind), reader.word("notice", NoticeKind)
    officials, supporters = reader.table("officials"), reader.table("supporters")
    return Rule(
        id=reader.text("id"),
        statuses=reader.words("statuses", Status),
        confidences=reader.words("confidences", Confidence),
        action=reader.needed_word("action", Action, otherwise=Action.RECORD_ONLY),
        level=Level(level) if level else None,
        priority=reader.number("priority", lowest=1, highest=5, default=level) or 5,
        supersedes=reader.needed_word("supersedes", Supersession, otherwise=Supersession.NEVER),
        letter=letter,
        letter_again=reader.word("letter_again", LetterKind, default=letter),
        notice=notice,
        notice_again=reader.word("notice_again", NoticeKind, default=notice),
        officials=_official_plan(officials) if officials else None,
        officials_audience=_officials_audience(officials),
        supporters=_supporter_plan(supporters) if supporters else None,
        if_nobody_reached=reader.word("if_nobody_reached", IfNobodyReached) or IfNobodyReached.NOTHING,
        approval=reader.word("approval", Approval) or Approval.ONE,
        hold_minutes=reader.number("hold_minutes", lowest=0, highest=_WEEK) or 0,
        deadline_hours=reader.number("deadline_hours", lowest=1, highest=_YEAR_HOURS),
    )


def _officials_audience(reader: _Reader | None) -> OfficialsAudience:
    if reader is None:
        return OfficialsAudience.NONE
    audience = reader.needed_word("audience", OfficialsAudience, otherwise=OfficialsAudience.ALL)
    if audience is OfficialsAudience.NONE:
        reader.fault("audience", "is none; leave out the whole table instead")
    reader.finish()
    return audience


def _official_plan(reader: _Reader) -> OfficialPlan:
    return OfficialPlan(
        to=reader.words("to", Channel),
        cc=reader.words("cc", Channel, is_needed=False),
        order=reader.word("order", Order) or Order.PARALLEL,
        office_hours=reader.words("office_hours", Channel, is_needed=False),
        escalate_after_minutes=reader.number("escalate_after_minutes", lowest=1, highest=_WEEK),
        start=reader.word("start", Start) or Start.WITH_ALERT,
    )


def _supporter_plan(reader: _Reader) -> SupporterPlan:
    plan = SupporterPlan(
        channels=reader.words("channels", Channel),
        audience=reader.needed_word("audience", SupportersAudience, otherwise=SupportersAudience.ALL_OPTED_IN),
        override_quiet_hours_where_allowed=reader.flag("override_quiet_hours_where_allowed"),
        may_be_digested=reader.flag("may_be_digested"),
        start=reader.word("start", Start) or Start.WITH_ALERT,
    )
    reader.finish()
    return plan


def _draft_faults(rule: DraftRule) -> Iterator[tuple[str, str]]:
    if rule.as_if in rule.confidences:
        yield "as_if", "names a confidence of this rule itself; name the one whose rule is to be drafted"


def _faults(rule: Rule) -> Iterator[tuple[str, str]]:
    """What is well spelt and still must not be: (key, what to do about it)."""
    yield from _incomplete(rule)
    yield from _unsafe(rule)
    if rule.level is not None and rule.priority != rule.level:
        yield "priority", f"must be {rule.level}, the level; leave it out"
    if rule.deadline_hours is not None and rule.hold_minutes >= rule.deadline_hours * 60:
        yield "hold_minutes", "reaches beyond the deadline; nothing could ever go out"
    if (plan := rule.officials) is not None:
        if plan.escalate_after_minutes and plan.escalate_after_minutes >= (rule.deadline_hours or _YEAR_HOURS) * 60:
            yield "officials.escalate_after_minutes", "reaches beyond the deadline; nothing could ever follow"
        if plan.order is Order.CASCADE and len(plan.to) < 2:
            yield "officials.order", "cascade needs at least two channels in officials.to"
        if set(plan.office_hours) - {*plan.to, *plan.cc}:
            yield "officials.office_hours", "names a channel that is neither in officials.to nor in officials.cc"
        if plan.start is Start.FAMILY_INFORMED:
            yield "officials.start", "family_informed is for supporters; use by_hand"
    if rule.supporters is not None and Channel.FAX in rule.supporters.channels:
        yield "supporters.channels", "fax is for officials; use email or sms"


def _incomplete(rule: Rule) -> Iterator[tuple[str, str]]:
    if (rule.letter is None) != (rule.officials is None):
        yield "letter", "goes with [rule.officials]: give both or neither"
    if (rule.notice is None) != (rule.supporters is None):
        yield "notice", "goes with [rule.supporters]: give both or neither"
    is_alert = rule.action is not Action.RECORD_ONLY
    if is_alert and rule.officials is None and rule.supporters is None:
        yield "action", f"{rule.action} needs [rule.officials] or [rule.supporters]; or use record_only"
    if not is_alert and (rule.officials or rule.supporters):
        yield "action", "record_only sends nothing: remove [rule.officials] and [rule.supporters], or change it"
    if is_alert and rule.deadline_hours is None:
        yield "deadline_hours", "is missing; say after how many hours unsent letters are of no use"


def _unsafe(rule: Rule) -> Iterator[tuple[str, str]]:
    if Confidence.RUMOURED in rule.confidences:
        if rule.action not in {Action.DRAFT_ONLY, Action.RECORD_ONLY}:
            yield "action", "a rumour never sends by itself: use draft_only or record_only"
        if rule.supersedes is not Supersession.NEVER:
            yield "supersedes", "a rumour stops nothing: use never"
    if rule.level in {Level.NEWS, Level.GRAVE} and rule.action is Action.APPEAL:
        yield "action", "levels 4 and 5 never send appeals: use follow_up"
    if rule.level is not Level.GRAVE:
        if set(rule.statuses) & {Status.FORCIBLY_RETURNED, Status.DIED, Status.EXECUTED}:
            yield "level", "forced return and death are level 5: move them to a rule of that level"
        return
    if rule.approval is not Approval.TWO:
        yield "approval", "level 5 needs two people: use two"
    if rule.supporters is not None and rule.supporters.start is not Start.FAMILY_INFORMED:
        yield "supporters.start", "the family is told first: use family_informed"


def _doubled_ids(rules: Iterable[Rule | DraftRule]) -> Iterator[Problem]:
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            yield Problem(f"rule {rule.id}, id", "is used by another rule too; give each rule a name of its own")
        seen.add(rule.id)


def _coverage(rules: Iterable[Rule | DraftRule]) -> Iterator[Problem]:
    """Every status at every confidence has exactly one rule, and what a draft rule drafts is a full rule."""
    by_word: dict[tuple[Status, Confidence], list[Rule | DraftRule]] = defaultdict(list)
    for rule in rules:
        for pair in product(rule.statuses, rule.confidences):
            by_word[pair].append(rule)
    for status, confidence in product(Status, Confidence):
        found = by_word[status, confidence]
        if not found:
            yield Problem("rules", f"{status} ({confidence}) has no rule; add it to the statuses of one")
        elif len(found) > 1:
            names = " and ".join(rule.id for rule in found)
            yield Problem(f"rule {found[1].id}, statuses", f"{status} ({confidence}) is in {names}; keep it in one")
    for (status, confidence), found in by_word.items():
        for rule in found:
            if isinstance(rule, DraftRule) and any(isinstance(r, DraftRule) for r in by_word[status, rule.as_if]):
                message = f"{status} ({confidence}) would draft another draft; name a confidence with a full rule"
                yield Problem(f"rule {rule.id}, as_if", message)
