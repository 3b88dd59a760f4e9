"""The values of the rules: a rule, a rule set, and the decision that comes out.

Owns their shapes and words. Which rule says what is data (`shipped.toml`, read by `ruleset`); how a rule is applied to
a case is in `rules`. Everything here is immutable and made of plain values, so `dataclasses.asdict` of a decision or a
rule set goes into JSON as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from itertools import product

from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Channel


class Level(IntEnum):
    """How grave a status is, and how fast it must be answered. No level: intake, or a fate that is unknown."""

    HOURS = 1
    DAY = 2
    WEEK = 3
    NEWS = 4
    GRAVE = 5


class Action(StrEnum):
    """What happens after the update is written."""

    APPEAL = "appeal"  # an alert to the whole audience
    FOLLOW_UP = "follow_up"  # an alert to exactly those reached before, or to a new target
    DRAFT_ONLY = "draft_only"  # an alert that only a person can start
    RECORD_ONLY = "record_only"  # no alert


class LetterKind(StrEnum):
    """What the letter to officials is."""

    FIRST_APPEAL = "first_appeal"
    FURTHER_INFORMATION = "further_information"
    WHEREABOUTS_REQUEST = "whereabouts_request"
    STOP_ACTION = "stop_action"
    SUCCESSOR = "successor"


class NoticeKind(StrEnum):
    """What the message to supporters is."""

    APPEAL = "appeal"
    UPDATE = "update"
    GOOD_NEWS = "good_news"
    CLOSING = "closing"


class Approval(StrEnum):
    """Who must agree before anything goes out. In a rule: at most this; in a decision: exactly this."""

    NONE_WITH_STANDING = "none_with_standing"
    ONE = "one"
    TWO = "two"


class Order(StrEnum):
    """How an official's channels are used."""

    PARALLEL = "parallel"  # all at the same moment
    CASCADE = "cascade"  # the next one when the one before failed or its time is over


class Start(StrEnum):
    """What starts this part of an alert."""

    WITH_ALERT = "with_alert"
    BY_HAND = "by_hand"  # drafted; a person starts it
    FAMILY_INFORMED = "family_informed"  # by hand, and only after a recorded confirmation


class OfficialsAudience(StrEnum):
    """Which officials."""

    ALL = "all"
    REACHED_BEFORE = "reached_before"
    NEW_TARGET = "new_target"  # chosen by staff: those who hold the person now
    NONE = "none"


class SupportersAudience(StrEnum):
    """Which supporters. STOP, unsubscription and suppression come on top, always."""

    ALL_OPTED_IN = "all_opted_in"
    REACHED_BEFORE = "reached_before"


class Supersession(StrEnum):
    """When an update under a rule becomes the case's status and raises its version."""

    ALWAYS = "always"
    AT_INTAKE = "at_intake"  # while the case has only been reported or verified and nothing is running
    NEVER = "never"


class IfNobodyReached(StrEnum):
    """What a follow-up turns into when no earlier alert reached anybody."""

    APPEAL = "appeal"
    NOTHING = "nothing"


class ReasonCode(StrEnum):
    """Why a decision is as it is; `explain` has the words."""

    FIRST_STATUS = "first_status"
    STATUS_CHANGED = "status_changed"
    STATUS_UNCHANGED = "status_unchanged"
    INTAKE = "intake"
    INTAKE_TOO_LATE = "intake_too_late"
    STALE = "stale"
    RUMOUR = "rumour"
    CASE_CLOSED = "case_closed"
    NOBODY_REACHED = "nobody_reached"
    MORE_URGENT = "more_urgent"
    NEW_DANGER = "new_danger"
    CUT_SHORT = "cut_short"
    FOLLOWS_UP = "follows_up"
    GOES_ON = "goes_on"
    NOTHING_TO_FOLLOW = "nothing_to_follow"
    GRAVE = "grave"
    AFTER_GRAVE = "after_grave"
    STANDING_APPROVAL = "standing_approval"
    NO_STANDING_APPROVAL = "no_standing_approval"
    SPLIT = "split"
    REMAINDER = "remainder"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; `values` are plain texts by name (a status, a rule id, a person's name)."""

    code: ReasonCode
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialPlan:
    """How officials are reached.

    Attributes:
        to, cc: channels for addressees and for copies, in order of preference.
        office_hours: those channels that wait for the office's hours; the others go day and night.
        escalate_after_minutes: a step's time, counted from when it was due; without success by then the next contact
            point is tried beside it. None: only after a failure.
    """

    to: tuple[Channel, ...]
    cc: tuple[Channel, ...] = ()
    order: Order = Order.PARALLEL
    office_hours: tuple[Channel, ...] = ()
    escalate_after_minutes: int | None = None
    start: Start = Start.WITH_ALERT

    @property
    def respects_office_hours(self) -> bool:
        """Some channel waits for the office to open."""
        return bool(self.office_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupporterPlan:
    """How supporters are told; each channel only where the person opted in to it.

    Attributes:
        override_quiet_hours_where_allowed: passes over quiet hours and the frequency cap for those who allowed that.
        may_be_digested: may wait for the person's digest.
    """

    channels: tuple[Channel, ...]
    audience: SupportersAudience = SupportersAudience.ALL_OPTED_IN
    override_quiet_hours_where_allowed: bool = False
    may_be_digested: bool = False
    start: Start = Start.WITH_ALERT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: for these statuses at these confidences, this.

    Attributes:
        letter, notice: for those who hear of the case for the first time.
        letter_again, notice_again: for those an earlier alert reached.
        priority: 1 (first) to 5; orders the sending and compares urgency. Equals the level where there is one.
        deadline_hours: after that, unsent deliveries expire.
    """

    id: str
    statuses: tuple[Status, ...]
    confidences: tuple[Confidence, ...]
    action: Action
    priority: int
    supersedes: Supersession
    level: Level | None = None
    letter: LetterKind | None = None
    letter_again: LetterKind | None = None
    notice: NoticeKind | None = None
    notice_again: NoticeKind | None = None
    officials: OfficialPlan | None = None
    officials_audience: OfficialsAudience = OfficialsAudience.NONE
    supporters: SupporterPlan | None = None
    if_nobody_reached: IfNobodyReached = IfNobodyReached.NOTHING
    approval: Approval = Approval.ONE
    hold_minutes: int = 0
    deadline_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRule:
    """Make a draft of what the rule for the same status at confidence `as_if` would send; send and stop nothing."""

    id: str
    statuses: tuple[Status, ...]
    confidences: tuple[Confidence, ...]
    as_if: Confidence


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules in force, with a digest by which an alert pins the ones it was decided under.

    Attributes:
        version: for people; the digest is what counts.
        digest: SHA-256 (hex) of the canonical content: comments and layout of the file do not change it.
    """

    version: str
    rules: tuple[Rule | DraftRule, ...]
    digest: str = field(init=False, compare=False)
    _by_word: dict[tuple[Status, Confidence], Rule | DraftRule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.canonical().encode()).hexdigest())
        by_word = {pair: rule for rule in self.rules for pair in product(rule.statuses, rule.confidences)}
        object.__setattr__(self, "_by_word", by_word)

    def canonical(self) -> str:
        """The whole rule set as JSON with sorted keys."""
        content = {"version": self.version, "rules": [asdict(rule) for rule in self.rules]}
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    def matching(self, status: Status, confidence: Confidence) -> Rule | DraftRule:
        """The one rule for this status at this confidence (`ruleset.load` checked that there is exactly one)."""
        return self._by_word[status, confidence]

    def plan_for(self, status: Status, confidence: Confidence = Confidence.CONFIRMED) -> Rule:
        """The rule whose plan applies: a draft rule is followed to the one it drafts."""
        rule = self.matching(status, confidence)
        if isinstance(rule, DraftRule):
            rule = self.matching(status, rule.as_if)
        if isinstance(rule, DraftRule):
            raise TypeError(f"rule {rule.id} drafts another draft; `ruleset.load` refuses that")
        return rule

    def priority_of(self, status: Status) -> int:
        """1 (most urgent) to 5."""
        return self.plan_for(status).priority


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """A named person's approval in advance for one rule. Pass only those in force now and covering this case."""

    rule_id: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDecision:
    """What follows from an update. Says everything; does nothing.

    Attributes:
        rule_id: the rule that matched.
        level, priority: of the update's status. `priority` orders deliveries where there is no level.
        official_plan, supporter_plan: None: this group hears nothing.
        withdraws, withdrawn_alerts: whether, and of which alerts (their numbers), the unsent is withdrawn.
        supersedes_case: the update becomes the case's status and raises its version. False for rumours and old news.
        approval: exactly what is needed; NONE_WITH_STANDING only where a standing approval is in force; None: no alert.
        sends_automatically: the alert starts by itself after `hold_minutes`.
        is_split: the letter concerns `concerned` and not `left_out` (person keys).
        remainder: those left out who are still at risk and lose a running appeal by this; they need one of their own.
        rules_digest: of the rule set that decided.
    """

    rule_id: str
    status: Status
    confidence: Confidence
    level: Level | None
    priority: int
    action: Action
    rules_digest: str
    letter_kind: LetterKind | None = None
    notice_kind: NoticeKind | None = None
    official_plan: OfficialPlan | None = None
    officials_audience: OfficialsAudience = OfficialsAudience.NONE
    supporter_plan: SupporterPlan | None = None
    withdraws: bool = False
    withdrawn_alerts: tuple[str, ...] = ()
    supersedes_case: bool = False
    approval: Approval | None = None
    hold_minutes: int = 0
    deadline_hours: int | None = None
    sends_automatically: bool = False
    is_split: bool = False
    concerned: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    remainder: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def makes_alert(self) -> bool:
        """An alert row comes of it, started or as a draft."""
        return self.action is not Action.RECORD_ONLY

    @property
    def needs_family_informed(self) -> bool:
        """Supporters hear only after somebody recorded that the family knows."""
        return self.supporter_plan is not None and self.supporter_plan.start is Start.FAMILY_INFORMED


def fingerprint(decision: TriggerDecision, *, version: int, after: str) -> str:
    """SHA-256 (hex) of what somebody was shown before they agreed: the decision, and the case it was made for.

    Args:
        version: of the case.
        after: id of the case's latest update, or empty; so that recording the same thing twice is noticed as well.
    """
    content = {"decision": asdict(decision), "version": version, "after": after}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
