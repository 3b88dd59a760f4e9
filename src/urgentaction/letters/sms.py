"""What a text message costs: its encoding and its number of segments (3GPP TS 23.038, 23.040).

Also which characters Korea's carriers drop.

Pure. Must not know gateways or prices.
"""

from __future__ import annotations

from enum import StrEnum

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Characters that cost two septets, an escape and a code.
_EXTENSION = "\f^{}\\[~]|€"

_COST = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENSION, 2)


class SmsEncoding(StrEnum):
    """How the message goes over the air."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


#: Units (septets, UTF-16 code units) in a single message, and in each segment of a longer one.
_CAPACITY = {SmsEncoding.GSM_7: (160, 153), SmsEncoding.UCS_2: (70, 67)}


def sms_segments(text: str) -> tuple[SmsEncoding, int]:
    """The encoding a text needs and how many segments are billed; no text is no segment.

    An escape pair or a surrogate pair is never cut in two, so a segment may stay one unit short.
    """
    if all(char in _COST for char in text):
        encoding, sizes = SmsEncoding.GSM_7, [_COST[char] for char in text]
    else:
        encoding, sizes = SmsEncoding.UCS_2, [2 if ord(char) > 0xFFFF else 1 for char in text]
    single, each = _CAPACITY[encoding]
    if not sizes:
        return encoding, 0
    if sum(sizes) <= single:
        return encoding, 1
    segments, used = 1, 0
    for size in sizes:
        if used + size > each:
            segments, used = segments + 1, 0
        used += size
    return encoding, segments


def beyond_gsm_7(text: str) -> str:
    """The characters of `text` that GSM-7 lacks, in order, each once: a single one makes every segment shorter."""
    return "".join(char for char in dict.fromkeys(text) if char not in _COST)


def unfit_for_korea(text: str) -> str:
    """The characters of `text` that Korean carriers drop (those outside EUC-KR, KS X 1001), in order, each once."""
    return "".join(char for char in dict.fromkeys(text) if not _is_euc_kr(char))


def _is_euc_kr(char: str) -> bool:
    try:
        char.encode("euc_kr")
    except UnicodeEncodeError:
        return False
    return True
