"""What one alert will do, as a value that is stored with it: the part of a decision that starts together.

A decision can hold parts with different starts (supporters hear at once, a letter of thanks waits for a person). Each
start becomes an alert of its own, so that starting, approving and stopping always mean one whole thing. Pure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from urgentaction.channels.contract import Channel
from urgentaction.triggers.decision import (
    Approval,
    OfficialPlan,
    OfficialsAudience,
    Order,
    Start,
    SupporterPlan,
    SupportersAudience,
    TriggerDecision,
)

APPROVALS_NEEDED = {None: 0, Approval.NONE_WITH_STANDING: 0, Approval.ONE: 1, Approval.TWO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPlan:
    """Letters to whom, by which channels; notices to whom, by which channels."""

    letter_kind: str = ""
    officials_audience: OfficialsAudience = OfficialsAudience.NONE
    officials: OfficialPlan | None = None
    notice_kind: str = ""
    supporters: SupporterPlan | None = None
    concerned: tuple[str, ...] = ()  # person keys of a split group; empty: everybody

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


def _channels(names: list[str]) -> tuple[Channel, ...]:
    return tuple(Channel(name) for name in names)
