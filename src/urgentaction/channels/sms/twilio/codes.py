"""Twilio's error codes → retry classes (twilio.com/docs/api/errors).

Pure. The same table serves refusals and callbacks. An unlisted code is logged and becomes LATER.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from urgentaction.channels import http
from urgentaction.channels.contract import RetryClass

_log = logging.getLogger(__name__)

CODES: Mapping[int, RetryClass] = {
    21610: RetryClass.OPT_OUT,
    # The number.
    21211: RetryClass.NEVER,  # invalid
    21214: RetryClass.NEVER,  # can't be reached
    21217: RetryClass.NEVER,  # not valid for this
    21604: RetryClass.NEVER,  # none given
    21614: RetryClass.NEVER,  # not a mobile number
    21635: RetryClass.NEVER,  # a landline
    30005: RetryClass.NEVER,  # unknown handset
    30006: RetryClass.NEVER,  # landline or unreachable carrier
    # Our account, our sender, our text.
    20003: RetryClass.FIX_FIRST,  # authentication
    20403: RetryClass.FIX_FIRST,  # account not active
    20404: RetryClass.FIX_FIRST,  # no such account or service
    21212: RetryClass.FIX_FIRST,
    21408: RetryClass.FIX_FIRST,  # region not enabled
    21601: RetryClass.FIX_FIRST,
    21602: RetryClass.FIX_FIRST,  # no body
    21603: RetryClass.FIX_FIRST,  # no sender
    21605: RetryClass.FIX_FIRST,  # too long
    21606: RetryClass.FIX_FIRST,
    21608: RetryClass.FIX_FIRST,  # trial account
    21609: RetryClass.FIX_FIRST,  # bad StatusCallback
    21612: RetryClass.FIX_FIRST,
    21617: RetryClass.FIX_FIRST,  # too long
    21619: RetryClass.FIX_FIRST,  # no body
    21626: RetryClass.FIX_FIRST,  # bad ValidityPeriod
    21701: RetryClass.FIX_FIRST,
    21703: RetryClass.FIX_FIRST,
    21704: RetryClass.FIX_FIRST,  # messaging service without senders
    30002: RetryClass.FIX_FIRST,  # account suspended
    30007: RetryClass.FIX_FIRST,  # filtered for its content: a person must read it
    30029: RetryClass.FIX_FIRST,  # message privacy is not enabled for the account
    30030: RetryClass.FIX_FIRST,
    30032: RetryClass.FIX_FIRST,  # toll-free number not verified
    30034: RetryClass.FIX_FIRST,  # sender not registered
    # Too fast.
    14107: RetryClass.THROTTLE,
    20429: RetryClass.THROTTLE,
    21611: RetryClass.THROTTLE,
    30022: RetryClass.THROTTLE,
    30023: RetryClass.THROTTLE,
    # Passing.
    20503: RetryClass.SOON,
    21730: RetryClass.LATER,
    30001: RetryClass.LATER,
    30003: RetryClass.LATER,
    30004: RetryClass.LATER,
    30008: RetryClass.LATER,
    30036: RetryClass.LATER,  # its validity ended in Twilio's queue
    30500: RetryClass.LATER,
}

#: Of the FIX_FIRST ones: our account or our sender. Every other message would fail likewise. 21612 is not among them:
#: it speaks of sender and number together, and one number out of reach must not stop the rest.
ABOUT_US = frozenset(
    {20003, 20403, 20404, 21212, 21603, 21606, 21609, 21701, 21703, 21704, 30002, 30029, 30032, 30034},
)

#: Said with a status that blames the gateway, this one does so too; the other codes are about one message.
SERVICE_UNAVAILABLE = 20503

#: Tries in all: these are worth one more and no third.
ATTEMPT_LIMITS: Mapping[str, int] = {"30004": 2, "30008": 2, "30500": 2}


def classify(code: int) -> RetryClass:
    """What an error code in a callback or listing means. Total: every number has a class."""
    if code not in CODES:
        _log.warning("Unlisted Twilio error code %s.", code)
        return RetryClass.LATER
    return CODES[code]


def classify_refusal(status: int, code: int) -> RetryClass | None:
    """What an API error to a new message means; None where nobody can tell whether it was taken (500, 502, 504).

    Args:
        status: of the HTTP answer.
        code: of the error body, 0 where it had none.
    """
    by_status = http.class_of_status(status)
    # A server fault says nothing about the message, whatever code comes with it; 401 and 429 mean one thing only.
    if by_status is None or not code or status in {401, 429}:
        return by_status
    return classify(code)


def is_about_us(status: int, code: int) -> bool:
    """Whether a FIX_FIRST API error blames our account or our sender, rather than this message. Arguments as above."""
    if not code or status == 401:
        return http.is_about_us(status)
    return code in ABOUT_US


def is_gateway_fault(status: int, code: int) -> bool:
    """Whether an API error says that the gateway can't take anything now, not this one alone. Arguments as above."""
    return http.is_gateway_fault(status) and (code not in CODES or code == SERVICE_UNAVAILABLE)
