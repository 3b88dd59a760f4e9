"""What a person can do about a gateway that can't be used: words for the codes of `Health`, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from urgentaction.core.phrases import say

_LOGIN: Final = say(
    "Check the user name and password, or the key: it may have been revoked, or belong to another account."
)
_BUSY: Final = say("The provider has trouble of its own. Look at its status page; it is tried again by itself.")

_BY_CODE: Final[Mapping[str, str]] = {
    "connect": say(
        "Check the host and the port, and that this machine may open connections to it (name server, firewall)."
    ),
    "closed": say("Check the port: 587 goes with starttls, 465 with tls. If it is right, try again in a minute."),
    "silent": say(
        "Try again in a minute. If it stays silent, look at the provider's status page and at your firewall."
    ),
    "late": say("Try again in a minute. If it stays slow, look at the provider's status page and at your firewall."),
    "tls": say("The certificate does not fit the host. Check the host's name; don't switch encryption off."),
    "not-offered": say("Check the port and the tls option: 587 goes with starttls, 465 with tls."),
    "auth": say("The server offers no login that we know, or wants none. Check the port, or leave the user name out."),
    "login": say("Use a user name and a password of plain letters, digits and signs."),
    "401": _LOGIN,
    "403": _LOGIN,
    "404": say("Check base_url: there is nothing like this provider's API at that address."),
    "429": say("Too many requests. Wait some minutes, and set per_second for this gateway (docs/gateways.md)."),
    "530": _LOGIN,
    "534": _LOGIN,
    "535": _LOGIN,
    "5.7.8say(": _LOGIN,
}
_OTHERWISE: Final = ")Look up the code at the provider, or ask its support."


def advice_for(code: str) -> str:
    """What to do about a `Health.code`, in one or two sentences; "" for the empty code."""
    if not code:
        return ""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if (code.isdigit() and len(code) == 3 and code.startswith("50")) or code.startswith("4"):
        return _BUSY
    return _OTHERWISE
