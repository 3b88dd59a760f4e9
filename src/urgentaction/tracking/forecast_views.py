"""What an update or an alert would lead to, as plain values for whoever decides on it. Pure.

No supporter is in them by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from urgentaction.channels.contract import Channel
from urgentaction.channels.roster import Price
from urgentaction.triggers.decision import TriggerDecision
from urgentaction.triggers.explain import UnsentCount


class Caution(StrEnum):
    """What somebody should know before they agree. What each says in words is the console's business."""

    RUMOUR = "rumour"
    STALE = "stale"
    LETTER_FAULTY = "letter_faulty"
    VACANT = "vacant"
    NO_CONTACT = "no_contact"
    UNVERIFIED = "unverified"
    FAILING = "failing"
    NOBODY = "nobody"
    NEW_TARGET = "new_target"
    FAMILY = "family"
    REMAINDER = "remainder"
    CONSENT_CHANGED = "consent_changed"
    NO_CONSENT = "no_consent"
    EMBARGO = "embargo"
    NO_GATEWAY = "no_gateway"
    IN_ENGLISH = "in_english"
    PUBLISHED = "published"
    SANDBOX = "sandbox"
    LONG_SMS = "long_sms"
    # Of an alert alone:
    OVERTAKEN = "overtaken"
    TOO_LATE = "too_late"
    NOT_ADDRESSED = "not_addressed"
    NO_LETTER = "no_letter"
    NO_NOTICE = "no_notice"
    UNFIT_SMS = "unfit_sms"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class Warned:
    """One caution, with the texts that its words need: an office, a channel, a date."""

    caution: Caution
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterForecast:
    """A letter to one official.

    Attributes:
        to: short name of the official.
        preferred: the office's own language, where the letter can't be written in it; else empty.
        channels: those of the plan there is a contact point for; none: a person has to bring it.
        fax_pages: 0 where it is not faxed, or can't be made.
        fault: why it can't be made; empty if it can. A letter with a fault stops its alert.
    """

    to: str
    official: str
    office: str
    office_id: uuid.UUID
    role: str
    kind: str
    language: str
    preferred: str = ""
    channels: tuple[Channel, ...] = ()
    fax_pages: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeForecast:
    """The notices to supporters on one channel in one language. `segments`: of one text message; 0 for mail."""

    kind: str
    channel: Channel
    language: str
    people: int
    segments: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one channel would cost at most, retries apart. `units`: pages of faxes, segments of text messages.

    `price` is that of the gateway which carries most of the channel; None: none is configured.
    """

    channel: Channel
    units: int
    gateway: str = ""
    price: Price | None = None

    @property
    def amount(self) -> Decimal | None:
        """Units times price."""
        return self.price.amount * self.units if self.price else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Everything that would follow, at this moment.

    Attributes:
        lines: the decision in words (`triggers.explain`), English.
        unsent: what is still unsent of each alert that would be withdrawn.
    """

    decision: TriggerDecision
    lines: tuple[str, ...]
    letters: tuple[LetterForecast, ...] = ()
    notices: tuple[NoticeForecast, ...] = ()
    costs: tuple[Cost, ...] = ()
    unsent: tuple[UnsentCount, ...] = ()
    cautions: tuple[Warned, ...] = ()

    @property
    def supporters(self) -> int:
        """Messages to supporters."""
        return sum(one.people for one in self.notices)
