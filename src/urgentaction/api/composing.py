"""From what a caller asks for to a plan: the alert that a person composed, outside the trigger rules."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from urgentaction.alerts.plan import AlertPlan
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.decision import (
    LetterKind,
    NoticeKind,
    OfficialPlan,
    OfficialsAudience,
    SupporterPlan,
    SupportersAudience,
)

TO_OFFICIALS = (Channel.FAX, Channel.EMAIL)
TO_SUPPORTERS = (Channel.EMAIL, Channel.SMS)
#: At level 1 the next contact point is tried after this long without success.
ESCALATE_MINUTES = 30


class Audience(StrEnum):
    """Who hears of a manual alert."""

    OFFICIALS = "officials"
    SUPPORTERS = "supporters"
    BOTH = "both"


def manual_plan(
    audience: Audience,
    *,
    channels: Collection[Channel],
    level: int,
    letter_kind: LetterKind | None = None,
    notice_kind: NoticeKind | None = None,
) -> AlertPlan:
    """A plan on the channels chosen: officials by fax and email, supporters by email and SMS.

    Raises:
        InvalidInput: part of the audience can't be reached by any of the channels.
    """
    officials = tuple(channel for channel in TO_OFFICIALS if channel in channels)
    supporters = tuple(channel for channel in TO_SUPPORTERS if channel in channels)
    wants_officials, wants_supporters = audience is not Audience.SUPPORTERS, audience is not Audience.OFFICIALS
    if wants_officials and not officials:
        raise InvalidInput.of("channels", "officials are reached by fax or email; add one of these")
    if wants_supporters and not supporters:
        raise InvalidInput.of("channels", "supporters are reached by email or sms; add one of these")
    is_urgent = level == 1
    letter = (letter_kind or LetterKind.FIRST_APPEAL).value if wants_officials else ""
    notice = (notice_kind or NoticeKind.APPEAL).value if wants_supporters else ""
    return AlertPlan(
        letter_kind=letter,
        officials_audience=OfficialsAudience.ALL if wants_officials else OfficialsAudience.NONE,
        officials=OfficialPlan(
            to=officials,
            cc=(Channel.EMAIL,) if Channel.EMAIL in officials else officials,
            office_hours=() if is_urgent or Channel.FAX not in officials else (Channel.FAX,),
            escalate_after_minutes=ESCALATE_MINUTES if is_urgent else None,
        )
        if wants_officials
        else None,
        notice_kind=notice,
        supporters=SupporterPlan(
            channels=supporters,
            audience=SupportersAudience.ALL_OPTED_IN,
            override_quiet_hours_where_allowed=is_urgent,
        )
        if wants_supporters
        else None,
    )
