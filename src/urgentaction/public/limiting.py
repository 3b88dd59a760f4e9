"""How often a form may be sent: from one network, about one address, and on one supporter's page.

Counted where all pace is (`deliveries.pace`). Keys are keyed hashes: neither a network nor an address stands in the
broker. Without the broker each process counts for itself, more strictly.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.http import HttpRequest

from urgentaction.accounts.origin import network_of
from urgentaction.core.encryption import blind_index
from urgentaction.deliveries.pace import Limit, Pace

HOUR, DAY = 3600, 86_400
#: A school or an office behind one address is a network too.
FROM_A_NETWORK = Limit(40, HOUR)
#: Confirmation mails that one address may get by somebody's typing it.
ABOUT_AN_ADDRESS = Limit(3, DAY)
#: Addresses that may be typed, to be forgotten, on one supporter's page: who was forwarded the link tries others'.
ON_ONE_PAGE = Limit(5, DAY)

_open: dict[str, Pace] = {}


def may_send(request: HttpRequest) -> bool:
    """Whether the reader's network may send a form (again). Counts, whatever comes of it."""
    return _take(FROM_A_NETWORK, "network", network_of(request))


def may_be_mailed(email: str) -> bool:
    """Whether one more confirmation mail may go to this address. Counts. The answer must not show on any page."""
    return _take(ABOUT_AN_ADDRESS, "address", email)


def may_try_an_address(request: HttpRequest, supporter_id: uuid.UUID) -> bool:
    """Whether what is typed may be compared with this supporter's address. Counts; the answer must not show."""
    is_network_free = _take(FROM_A_NETWORK, "erase-network", network_of(request))
    return _take(ON_ONE_PAGE, "erase-page", str(supporter_id)) and is_network_free


def close() -> None:
    """Let go of the broker."""
    while _open:
        _open.popitem()[1].close()


def _take(limit: Limit, kind: str, what: str) -> bool:
    url = settings.REDIS_URL
    if url not in _open:
        _open[url] = Pace(url)
    hidden = blind_index(f"sign-up-{kind}", what).hex()[:32]
    return _open[url].take(limit, "sign-up", kind, hidden, wanted=1).count == 1
