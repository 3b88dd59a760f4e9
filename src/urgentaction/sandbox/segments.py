"""How many segments a text message takes on the air (3GPP TS 23.038 and 23.040). Pure."""

from __future__ import annotations

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # take two places: an escape and the character

GSM7_SINGLE, GSM7_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67


def is_gsm7(text: str) -> bool:
    """Whether the text fits the default alphabet; otherwise every character takes 16 bits."""
    return all(character in _BASIC or character in _EXTENDED for character in text)


def count(text: str) -> int:
    """Segments of a message, 1 for an empty one. A character that takes two places is never split."""
    if is_gsm7(text):
        widths, single, part = [2 if character in _EXTENDED else 1 for character in text], GSM7_SINGLE, GSM7_PART
    else:
        widths, single, part = [2 if ord(character) > 0xFFFF else 1 for character in text], UCS2_SINGLE, UCS2_PART
    if sum(widths) <= single:
        return 1
    segments, room = 1, part
    for width in widths:
        if width > room:
            segments, room = segments + 1, part
        room -= width
    return segments
