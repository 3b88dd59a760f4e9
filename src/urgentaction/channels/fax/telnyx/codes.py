"""Telnyx's `failure_reason`s and API errors → retry classes.

Pure. `failure_reason` is a free string, new ones appear without notice: an unlisted one is logged and becomes LATER.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from urgentaction.channels import http
from urgentaction.channels.contract import RetryClass

_log = logging.getLogger(__name__)

FAILURE_REASONS: Mapping[str, RetryClass] = {
    "user_busy": RetryClass.BUSY,
    # A passing fault of the line or of a page.
    "carrier_lost": RetryClass.SOON,
    "fax_signaling_error": RetryClass.SOON,
    "file_download_failed": RetryClass.SOON,  # the next attempt brings a fresh media URL
    "invalid_ecm_response_from_receiver": RetryClass.SOON,
    "media_processing_exception": RetryClass.SOON,
    "receiver_call_dropped": RetryClass.SOON,
    "receiver_communication_error": RetryClass.SOON,
    "receiver_recovery_on_timer_expire": RetryClass.SOON,
    "sender_call_dropped": RetryClass.SOON,
    "sender_communication_error": RetryClass.SOON,
    "service_unavailable": RetryClass.SOON,
    # Nobody there, or no fax machine there just now.
    "destination_unreachable": RetryClass.LATER,
    "fax_initial_communication_timeout": RetryClass.LATER,  # a voice, not a fax
    "no_response": RetryClass.LATER,
    "receiver_decline": RetryClass.LATER,
    "receiver_incompatible_destination": RetryClass.LATER,
    "receiver_no_answer": RetryClass.LATER,
    "receiver_no_response": RetryClass.LATER,
    "sender_canceled": RetryClass.LATER,
    # As many calls as the contract allows are under way.
    "connection_channel_limit_exceeded": RetryClass.THROTTLE,
    "outbound_profile_channel_limit_exceeded": RetryClass.THROTTLE,
    "user_channel_limit_exceeded": RetryClass.THROTTLE,
    # Our account or our document.
    "account_disabled": RetryClass.FIX_FIRST,
    "destination_not_in_countries_whitelist": RetryClass.FIX_FIRST,
    "destination_not_in_service_plan": RetryClass.FIX_FIRST,
    "file_format_invalid": RetryClass.FIX_FIRST,
    "file_size_limit_exceeded": RetryClass.FIX_FIRST,
    "no_outbound_profile": RetryClass.FIX_FIRST,
    "outbound_profile_daily_spend_limit_exceeded": RetryClass.FIX_FIRST,
    "page_count_limit_exceeded": RetryClass.FIX_FIRST,
    "unverified_destination_not_allowed": RetryClass.FIX_FIRST,
    "unverified_origination_number": RetryClass.FIX_FIRST,
    # The number.
    "destination_invalid": RetryClass.NEVER,
    "receiver_invalid_number_format": RetryClass.NEVER,
    "receiver_unallocated_number": RetryClass.NEVER,
}

#: Of those: our account or our number. Every other fax would fail likewise.
ABOUT_US = frozenset(
    {
        "account_disabled",
        "no_outbound_profile",
        "outbound_profile_daily_spend_limit_exceeded",
        "unverified_origination_number",
    }
)
#: Fields of a new fax that are the same for all of them.
_OUR_FIELDS = frozenset({"from", "connection_id", "webhook_url"})

#: API error "phone number must be in +E.164 format".
NOT_E164 = "10016"

#: Said with a status that blames the gateway, this one does so too; the other reasons are about one fax.
SERVICE_UNAVAILABLE = "service_unavailable"

#: Tries in all. A voice that answers twice is nobody's fax; after a fault within a page, pages may lie there printed.
ATTEMPT_LIMITS: Mapping[str, int] = {
    "fax_initial_communication_timeout": 2,
    "fax_signaling_error": 4,
    "file_download_failed": 3,
    "invalid_ecm_response_from_receiver": 3,
    "media_processing_exception": 2,
    "receiver_call_dropped": 4,
    "receiver_incompatible_destination": 2,
}


def classify(failure_reason: str) -> RetryClass:
    """What became of a fax that Telnyx had accepted. Total: every text has a class."""
    reason = failure_reason.strip().lower()
    if reason not in FAILURE_REASONS:
        _log.warning("Unlisted Telnyx failure_reason %r.", reason[:60])
        return RetryClass.LATER
    return FAILURE_REASONS[reason]


def classify_refusal(status: int, code: str, pointer: str) -> RetryClass | None:
    """What an API error to a new fax means; None where nobody can tell whether it was taken (500, 502, 504).

    Args:
        status: of the HTTP answer.
        code: the error's `code`; Telnyx sometimes puts a failure reason there.
        pointer: the error's `source.pointer`, naming the field at fault (`/to`).
    """
    if code in FAILURE_REASONS:
        return FAILURE_REASONS[code]
    field = pointer.rpartition("/")[2]
    if status in {400, 422} and (field == "to" or (code == NOT_E164 and field != "from")):
        return RetryClass.NEVER
    return http.class_of_status(status)


def is_about_us(status: int, code: str, pointer: str) -> bool:
    """Whether a FIX_FIRST API error blames our account or our number, rather than this fax. Arguments as above."""
    if code in FAILURE_REASONS:
        return code in ABOUT_US
    field = pointer.rpartition("/")[2]
    return field in _OUR_FIELDS or (field != "to" and http.is_about_us(status))


def is_gateway_fault(status: int, code: str) -> bool:
    """Whether an API error says that the gateway can't take anything now, not this one alone. Arguments as above."""
    return http.is_gateway_fault(status) and (code not in FAILURE_REASONS or code == SERVICE_UNAVAILABLE)
