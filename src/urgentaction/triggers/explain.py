"""A decision in plain words, for `--dry-run`, the console and the case's history.

Owns the wording only. Whom a decision would reach is counted by the caller and handed in; nothing is looked up here.
English for now: a further language is a further set of the tables and sentences below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from babel import Locale, UnknownLocaleError

from urgentaction.cases.vocabulary import Status, label
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.decision import (
    Action,
    Approval,
    LetterKind,
    Level,
    NoticeKind,
    OfficialPlan,
    OfficialsAudience,
    Order,
    Reason,
    ReasonCode,
    Start,
    SupportersAudience,
    TriggerDecision,
)


class AddresseeRole(StrEnum):
    """Addressed, or copied in."""

    TO = "to"
    CC = "cc"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialCount:
    """One official who would be written to: `name` as shown to staff, and the channels there is a contact point for."""

    name: str
    role: AddresseeRole
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupporterCount:
    """How many supporters would hear on one channel in one language (a code such as "ko")."""

    channel: Channel
    language: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentCount:
    """How many deliveries of a running alert are still unsent."""

    alert: str
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCounts:
    """Whom the decision would reach, and what it would stop, at this moment."""

    officials: tuple[OfficialCount, ...] = ()
    supporters: tuple[SupporterCount, ...] = ()
    unsent: tuple[UnsentCount, ...] = ()


_LEVELS: Final[Mapping[Level, str]] = {
    Level.HOURS: "level 1, hours count",
    Level.DAY: "level 2, within a day",
    Level.WEEK: "level 3, within a week",
    Level.NEWS: "level 4, news",
    Level.GRAVE: "level 5, grave",
}
_CHANNELS: Final[Mapping[Channel, str]] = {Channel.EMAIL: "email", Channel.FAX: "fax", Channel.SMS: "SMS"}
_LETTERS: Final[Mapping[LetterKind, str]] = {
    LetterKind.FIRST_APPEAL: "a first appeal",
    LetterKind.FURTHER_INFORMATION: "further information",
    LetterKind.WHEREABOUTS_REQUEST: "a request for the whereabouts",
    LetterKind.STOP_ACTION: "a letter of thanks that ends the action",
    LetterKind.SUCCESSOR: "a successor letter",
}
_NOTICES: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.APPEAL: "an appeal",
    NoticeKind.UPDATE: "further information",
    NoticeKind.GOOD_NEWS: "good news",
    NoticeKind.CLOSING: "a closing notice",
}
_OFFICIALS: Final[Mapping[OfficialsAudience, str]] = {
    OfficialsAudience.ALL: "to all addressees of the case",
    OfficialsAudience.REACHED_BEFORE: "to exactly those an earlier alert reached",
    OfficialsAudience.NEW_TARGET: "to a new target, which staff choose",
}
_SUPPORTERS: Final[Mapping[SupportersAudience, str]] = {
    SupportersAudience.ALL_OPTED_IN: "to everybody who opted in",
    SupportersAudience.REACHED_BEFORE: "to exactly those an earlier alert reached",
}
_REASONS: Final[Mapping[ReasonCode, str]] = {
    ReasonCode.FIRST_STATUS: "It is the case's first status.",
    ReasonCode.INTAKE: "A case only reported or verified calls for no letter yet; staff may start an appeal by hand.",
    ReasonCode.INTAKE_TOO_LATE: "The case has moved on, or an alert is running, so this does not change its status.",
    ReasonCode.STALE: "The update is as of {as_of}, but the case is already known as of {latest}.",
    ReasonCode.RUMOUR: "A rumour sends nothing, stops nothing and does not change the case's status.",
    ReasonCode.CASE_CLOSED: "The case is closed, so nothing starts before somebody has looked at it.",
    ReasonCode.NOBODY_REACHED: "No earlier alert reached anybody, so this is the first anybody hears of it.",
    ReasonCode.MORE_URGENT: "It is more urgent than before, so everybody hears, not only those reached before.",
    ReasonCode.NEW_DANGER: "The danger is a different one and hours count, so everybody hears.",
    ReasonCode.CUT_SHORT: "An alert is still going out and its call still stands, so everybody hears.",
    ReasonCode.GOES_ON: "Others in the case are still at risk, so the letter does not end the action.",
    ReasonCode.FOLLOWS_UP: "It follows up on an earlier alert.",
    ReasonCode.NOTHING_TO_FOLLOW: "No earlier alert reached anybody, so there is nobody to tell.",
    ReasonCode.GRAVE: "It is grave: nothing goes out by itself.",
    ReasonCode.AFTER_GRAVE: "The status before was grave, so no standing approval counts and somebody has to look.",
}
_PLURALS: Final = {
    "person": "persons",
    "unsent delivery": "unsent deliveries",
    "minute": "minutes",
    "hour": "hours",
    "day": "days",
}


def explain(decision: TriggerDecision, *, counts: AudienceCounts | None = None, language: str = "en") -> list[str]:
    """The decision as lines of plain text, in the order in which a reader asks: what, why, what stops, who hears, when.

    Args:
        counts: whom it would reach at this moment; without, the lines speak of audiences, not of people.
        language: "en".

    Raises:
        InvalidInput: no explanations exist in `language`.
    """
    if language.replace("_", "-").split("-")[0].lower() != "en":
        raise InvalidInput.of("language", f"explanations exist in en, not in “{language}”; ask for en")
    lines = [_what(decision), f"Why: {' '.join(_reasons(decision.reasons))}", _stops(decision)]
    if counts is not None and decision.withdraws:
        lines += [f"  {item.alert}: {_number(item.deliveries, 'unsent delivery')}" for item in counts.unsent]
    lines += _remainder(decision)
    if not decision.makes_alert:
        return [*lines, "Sends: nothing."]
    if decision.action is Action.DRAFT_ONLY:
        lines.append("Makes a draft, which would send the following:")
    lines += _officials(decision, counts)
    lines += _supporters(decision, counts)
    return [*lines, _approval(decision), _start(decision)]


def _what(decision: TriggerDecision) -> str:
    rule = f"rule “{decision.rule_id}”"
    if decision.level is not None:
        rule = f"{rule}, {_LEVELS[decision.level]}"
    did = "The case's status becomes" if decision.supersedes_case and not decision.is_split else "The update says"
    return f"{did} “{label(decision.status)}” ({label(decision.confidence)}; {rule})."


def _reasons(reasons: Iterable[Reason]) -> Iterable[str]:
    for reason in reasons:
        values = reason.values
        match reason.code:
            case ReasonCode.STATUS_CHANGED:
                before = _listed([f"“{label(Status(one))}”" for one in values["from"].split(",")], "and")
                yield f"The status before was {before}."
            case ReasonCode.STATUS_UNCHANGED:
                yield f"The status was “{label(Status(values['to']))}” before."
            case ReasonCode.SPLIT:
                concerned, others = int(values["concerned"]), int(values["left_out"])
                whom = _number(concerned, "person")
                yield f"It concerns {whom} of {concerned + others}; the letter speaks only of {_these(concerned)}."
            case ReasonCode.STANDING_APPROVAL | ReasonCode.NO_STANDING_APPROVAL | ReasonCode.REMAINDER:
                pass  # said where approval and withdrawal are spoken of
            case code:
                yield _REASONS[code].format_map(values)


def _stops(decision: TriggerDecision) -> str:
    if decision.withdraws:
        return f"Stops: what is still unsent of {_listed(decision.withdrawn_alerts, 'and')} is withdrawn."
    if decision.supersedes_case:
        return "Stops: nothing; no alert is running."
    return "Stops: nothing; running alerts go on."


def _remainder(decision: TriggerDecision) -> list[str]:
    if not decision.remainder:
        return []
    count = len(decision.remainder)
    others = f"the other {_number(count, 'person')}" if count > 1 else "the other person"
    return [f"  Careful: this ends the appeal for {others} still at risk too. Start a new one for {_these(count)}."]


def _officials(decision: TriggerDecision, counts: AudienceCounts | None) -> list[str]:
    plan = decision.official_plan
    if plan is None or decision.letter_kind is None:
        return ["Officials: nothing."]
    what = _LETTERS[decision.letter_kind]
    lines = [f"Officials: {what} {_OFFICIALS[decision.officials_audience]}, {_how(plan)}.{_by_hand(plan.start)}"]
    for role, wanted, title in ((AddresseeRole.TO, plan.to, "To"), (AddresseeRole.CC, plan.cc, "Copy")):
        for official in counts.officials if counts else ():
            if official.role is role:
                usable = [_CHANNELS[channel] for channel in wanted if channel in official.channels]
                how = ", ".join(usable) or "no usable contact point: becomes a task for a person"
                lines.append(f"  {title}: {official.name} ({how})")
    if counts is not None and not counts.officials:
        lines.append("  Nobody at present.")
    return lines


def _how(plan: OfficialPlan) -> str:
    by_day = set(plan.office_hours)
    names = {channel: _CHANNELS[channel] + (" in office hours" if channel in by_day else "") for channel in plan.to}
    if plan.order is Order.CASCADE:
        how = f"by {', then by '.join(names.values())} if that fails"
    elif len(plan.to) == 1:
        how = f"by {names[plan.to[0]]}"
    elif by_day:
        how = f"by {' and by '.join(f'{n} at once' if c not in by_day else n for c, n in names.items())}"
    else:
        how = f"by {_listed(list(names.values()), 'and')} at the same moment, day or night"
    if plan.cc:
        how += f"; copies by {_listed([_CHANNELS[channel] for channel in plan.cc], 'and')}"
    if plan.escalate_after_minutes is not None:
        how += f"; each has {_duration(plan.escalate_after_minutes)} from when it is due; "
        how += "where one fails or is late the next follows, in the end a person"
    return how


def _supporters(decision: TriggerDecision, counts: AudienceCounts | None) -> list[str]:
    plan = decision.supporter_plan
    if plan is None or decision.notice_kind is None:
        return ["Supporters: nothing."]
    how = _listed([_CHANNELS[channel] for channel in plan.channels], "and")
    line = f"Supporters: {_NOTICES[decision.notice_kind]} by {how} {_SUPPORTERS[plan.audience]}."
    if plan.override_quiet_hours_where_allowed:
        line += " Quiet hours and the frequency cap are passed over only for those who allowed it; STOP never is."
    if plan.may_be_digested:
        line += " It may wait for a person's digest."
    lines = [line + _by_hand(plan.start)]
    if counts is None:
        return lines
    planned = [item for item in counts.supporters if item.channel in plan.channels]
    ordered = sorted(planned, key=lambda item: plan.channels.index(item.channel))
    for channel, items in groupby(ordered, key=lambda item: item.channel):
        people = [f"{item.people} in {_language(item.language)}" for item in items]
        lines.append(f"  By {_CHANNELS[channel]}: {_listed(people, 'and')}.")
    return lines if planned else [*lines, "  Nobody at present."]


def _by_hand(start: Start) -> str:
    match start:
        case Start.WITH_ALERT:
            return ""
        case Start.BY_HAND:
            return " Only drafted: a person decides whether it goes."
        case Start.FAMILY_INFORMED:
            return " Never by itself: only by hand, after somebody has recorded that the family knows."


def _approval(decision: TriggerDecision) -> str:
    values = {reason.code: reason.values for reason in decision.reasons}
    match decision.approval:
        case Approval.NONE_WITH_STANDING:
            by = values[ReasonCode.STANDING_APPROVAL]["by"]
            return f"Approval: none needed now; the standing approval of {by} covers it."
        case Approval.TWO:
            return "Approval: two different people; whoever drafted it can't be the only one."
        case _ if ReasonCode.NO_STANDING_APPROVAL in values:
            rule = values[ReasonCode.NO_STANDING_APPROVAL]["rule"]
            return f"Approval: one person, not the drafter; no standing approval for rule “{rule}” is in force."
        case _:
            return "Approval: one person, not the drafter."


def _start(decision: TriggerDecision) -> str:
    if decision.action is Action.DRAFT_ONLY:
        return "Sends: nothing by itself; the draft goes out only if somebody starts it."
    start = "by itself" if decision.sends_automatically else "after approval"
    if decision.hold_minutes:
        start += f", once it has been held for {_duration(decision.hold_minutes)} in which anyone can stop it"
    else:
        start += ", at once"
    if decision.deadline_hours is None:
        return f"Sends: {start}."
    return f"Sends: {start}. What is unsent {_duration(decision.deadline_hours * 60)} later expires."


def _listed(items: Sequence[str], word: str) -> str:
    return f" {word} ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def _number(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else _PLURALS[noun]}"


def _these(count: int) -> str:
    return "this one" if count == 1 else "these"


def _duration(minutes: int) -> str:
    for size, noun in ((1440, "day"), (60, "hour")):
        if minutes >= 2 * size and minutes % size == 0:
            return _number(minutes // size, noun)
    return _number(minutes, "minute") if minutes != 60 else "1 hour"


def _language(code: str) -> str:
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (UnknownLocaleError, ValueError):
        return code
