"""What one alert will do, as a value that is stored with it: the part of a decision that starts together.

A decision can hold parts with different starts (supporters hear at once, a letter of thanks waits for a person). Each
start becomes an alert of its own, so that starting, approving and stopping always mean one whole thing. What a person
composes becomes a plan here too, whichever face they use. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.phrases import say
from urgentaction.triggers.decision import (
    Approval,
    LetterKind,
    Level,
    NoticeKind,
    OfficialPlan,
    OfficialsAudience,
    Order,
    Start,
    SupporterPlan,
    SupportersAudience,
    TriggerDecision,
)

APPROVALS_NEEDED = {None: 0, Approval.NONE_WITH_STANDING: 0, Approval.ONE: 1, Approval.TWO: 2}
#: The channels that a composed alert may use, in order of preference.
TO_OFFICIALS = (Channel.FAX, Channel.EMAIL)
TO_SUPPORTERS = (Channel.EMAIL, Channel.SMS)
#: The next contact point is tried after this long without success, by level; as in the shipped rules.
ESCALATE_MINUTES = {Level.HOURS: 30, Level.DAY: 480, Level.WEEK: 1440}


class Audience(StrEnum):
    """Who hears of an alert that a person composed."""

    OFFICIALS = "officials"
    SUPPORTERS = "supporters"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPlan:
    """Letters to whom, by which channels; notices to whom, by which channels."""

    letter_kind: str = ""
    officials_audience: OfficialsAudience = OfficialsAudience.NONE
    officials: OfficialPlan | None = None
    notice_kind: str = ""
    supporters: SupporterPlan | None = None
    concerned: tuple[str, ...] = ()  # person keys of a split group; empty: everybody
    readers: tuple[str, ...] = ()  # only supporters who read these languages; empty: all of the audience

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> AlertPlan:
        """Read what `to_json` wrote. Raises KeyError or ValueError for anything else."""
        officials, supporters = data["officials"], data["supporters"]
        return cls(
            letter_kind=data["letter_kind"],
            officials_audience=OfficialsAudience(data["officials_audience"]),
            officials=OfficialPlan(
                to=_channels(officials["to"]),
                cc=_channels(officials["cc"]),
                order=Order(officials["order"]),
                office_hours=_channels(officials["office_hours"]),
                escalate_after_minutes=officials["escalate_after_minutes"],
                start=Start(officials["start"]),
            )
            if officials
            else None,
            notice_kind=data["notice_kind"],
            supporters=SupporterPlan(
                channels=_channels(supporters["channels"]),
                audience=SupportersAudience(supporters["audience"]),
                override_quiet_hours_where_allowed=supporters["override_quiet_hours_where_allowed"],
                may_be_digested=supporters["may_be_digested"],
                start=Start(supporters["start"]),
            )
            if supporters
            else None,
            concerned=tuple(data["concerned"]),
            readers=tuple(data.get("readers", ())),  # plans of older alerts have none
        )

    @property
    def start(self) -> Start:
        """What starts it; the same for both halves."""
        half = self.officials or self.supporters
        return half.start if half else Start.WITH_ALERT


def plans_of(decision: TriggerDecision) -> list[AlertPlan]:
    """The decision's parts, one plan for each start; the automatic one first. Empty where nobody hears anything."""
    whole = AlertPlan(
        letter_kind=(decision.letter_kind or "") if decision.official_plan else "",
        officials_audience=decision.officials_audience,
        officials=decision.official_plan,
        notice_kind=(decision.notice_kind or "") if decision.supporter_plan else "",
        supporters=decision.supporter_plan,
        concerned=decision.concerned if decision.is_split else (),
    )
    if whole.officials is None or whole.supporters is None or whole.officials.start is whole.supporters.start:
        return [whole] if whole.officials or whole.supporters else []
    letters = replace(whole, notice_kind="", supporters=None)
    notices = replace(whole, letter_kind="", officials=None, officials_audience=OfficialsAudience.NONE)
    return sorted((letters, notices), key=lambda plan: plan.start is not Start.WITH_ALERT)


def compose_plan(
    audience: Audience,
    *,
    channels: Collection[Channel],
    level: int,
    letter_kind: LetterKind | None = None,
    notice_kind: NoticeKind | None = None,
    readers: Collection[str] = (),
    follows_up: bool = False,
) -> AlertPlan:
    """The plan of an alert that a person composed: those of the channels that each half of the audience can use.

    Args:
        level: at 1 faxes go day and night, and supporters who allowed it hear in their quiet hours; else faxes keep to
            the office's hours. The more urgent, the sooner the next contact point follows.
        letter_kind, notice_kind: None: a first appeal.
        readers: only supporters who read these languages; empty: all.
        follows_up: it goes to exactly those whom the alert before it reached.

    Raises:
        InvalidInput: a part of the audience can't be reached by any of the channels.
    """
    wants_officials, wants_supporters = audience is not Audience.SUPPORTERS, audience is not Audience.OFFICIALS
    officials = tuple(channel for channel in TO_OFFICIALS if wants_officials and channel in channels)
    supporters = tuple(channel for channel in TO_SUPPORTERS if wants_supporters and channel in channels)
    problems = []
    if wants_officials and not officials:
        problems.append(Problem("channels", say("officials are written to by fax or email; add one of them")))
    if wants_supporters and not supporters:
        problems.append(Problem("channels", say("supporters hear by email or SMS; add one of them")))
    if problems:
        raise InvalidInput(problems)
    is_urgent = level == Level.HOURS
    to_officials = OfficialsAudience.REACHED_BEFORE if follows_up else OfficialsAudience.ALL
    return AlertPlan(
        letter_kind=(letter_kind or LetterKind.FIRST_APPEAL).value if officials else "",
        officials_audience=to_officials if officials else OfficialsAudience.NONE,
        officials=OfficialPlan(
            to=officials,
            # A fax for a copy only where nothing else was chosen.
            cc=(Channel.EMAIL,) if Channel.EMAIL in officials else officials,
            office_hours=() if is_urgent or Channel.FAX not in officials else (Channel.FAX,),
            escalate_after_minutes=ESCALATE_MINUTES.get(Level(level)),
        )
        if officials
        else None,
        notice_kind=(notice_kind or NoticeKind.APPEAL).value if supporters else "",
        supporters=SupporterPlan(
            channels=supporters,
            audience=SupportersAudience.REACHED_BEFORE if follows_up else SupportersAudience.ALL_OPTED_IN,
            override_quiet_hours_where_allowed=is_urgent,
        )
        if supporters
        else None,
        readers=tuple(sorted(readers)) if supporters else (),
    )


def _channels(names: list[str]) -> tuple[Channel, ...]:
    return tuple(Channel(name) for name in names)
