"""Which try of a delivery a receipt is about. Pure; what follows from it stands in `deliveries.rules`.

Gateways name their own message, and a delivery that was tried again has several. A name that nobody knows belongs to
a try that never got one: an unknown, or one that the gateway denied having. Where several may be meant, an earlier one
is: its news must not be taken for news of the present one. That may be the wrong way round, and makes no difference:
as many names are left as tries, and each try ends up with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from urgentaction.deliveries.rules import About

#: The code of a try that the gateway denied having; news of it shows that the gateway was wrong.
NOT_TAKEN = "not-taken"


@dataclass(frozen=True, slots=True)
class Try:
    """One try, as it was written down. `is_over`: it is known to have failed."""

    number: int
    gateway: str
    ref: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Meant:
    """What a receipt is about.

    Attributes:
        number: of the try; None where there is none that could be meant.
    """

    about: About
    number: int | None = None


def is_over(outcome: str, code: str) -> bool:
    """Whether a try is known to have failed, by how it was written down."""
    return outcome == "refused" and code != NOT_TAKEN


def which_try(tries: Sequence[Try], *, gateway: str, ref: str, present: tuple[str, str]) -> Meant:
    """The try that is meant by news from `gateway` under the name `ref` (empty: it names none).

    Args:
        tries: of the delivery, in the order of their numbers; none where we know of no try at all.
        present: gateway and name that the delivery itself carries; the name may be empty.
    """
    if not tries:
        return Meant(About.PRESENT)  # a gateway knows more than we do: an older database was put back
    named = [one for one in tries if ref and (one.gateway, one.ref) == (gateway, ref)]
    if named:
        return _meant(named[-1], is_present=named[-1] is _present(tries, present))
    if ref and (gateway, ref) == present:
        return Meant(About.PRESENT)
    if not ref:
        return _nameless(tries, gateway, present)
    may_be = [one for one in tries if one.gateway == gateway and not one.ref and not one.is_over]
    if not may_be:
        return Meant(About.ANOTHER)
    if len(may_be) == 1:
        return _meant(may_be[0], is_present=may_be[0] is _present(tries, present))
    earlier = [one for one in may_be if one is not tries[-1]]
    return Meant(About.ANOTHER, earlier[-1].number)


def _present(tries: Sequence[Try], present: tuple[str, str]) -> Try:
    """The try that the delivery's state speaks of: the one whose name it bears, else the latest."""
    return next((one for one in reversed(tries) if one.ref and (one.gateway, one.ref) == present), tries[-1])


def _nameless(tries: Sequence[Try], gateway: str, present: tuple[str, str]) -> Meant:
    """News that names no message (a bounce carries only our reference) is about the gateway's latest try."""
    of_gateway = [one for one in tries if one.gateway == gateway]
    if not of_gateway:
        return Meant(About.ANOTHER)
    return _meant(of_gateway[-1], is_present=of_gateway[-1] is _present(tries, present))


def _meant(one: Try, *, is_present: bool) -> Meant:
    if one.is_over:
        return Meant(About.OVER, one.number)
    return Meant(About.PRESENT if is_present else About.ANOTHER, one.number)
