"""What somebody agreed to when they approved an alert, letter by letter and notice by notice, and what differs by now.

A part's fingerprint is made by `letters.fingerprints`, which also says what doesn't count as a change. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

#: By `letter:<official's id>` and `notice:<channel>-<language>`.
LETTER, NOTICE = "letter:", "notice:"


class Change(StrEnum):
    """What has become of a part since."""

    ADDED = "added"
    MISSING = "missing"
    HOLDER = "holder"  # somebody else holds the office, or nobody
    LANGUAGE = "language"
    TEMPLATE = "template"
    TEXT = "text"  # its template is the same: the case's text, a consent, the directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One letter or notice.

    Attributes:
        text: fingerprint of everything on it, dates of the letter itself left out.
        template: fingerprint of its template, to say what changed.
        holder: of a letter, the id of whoever holds the office; empty: nobody is recorded.
    """

    text: str
    language: str = ""
    template: str = ""
    holder: str = ""


Agreed = Mapping[str, Part]


class NotAgreed(Exception):
    """What would be sent is not what was approved; `found` says what differs."""

    def __init__(self, found: Mapping[str, Change]) -> None:
        super().__init__(f"{len(found)} letters or notices differ from what was approved")
        self.found = found


def to_json(parts: Agreed) -> dict[str, dict[str, str]]:
    """As `Approval.agreed` keeps it."""
    return {key: asdict(part) for key, part in parts.items()}


def agreed_in(kept: Mapping[str, Any]) -> dict[str, Part]:
    """What `to_json` made."""
    return {key: Part(**part) for key, part in kept.items()}


def changes(agreed: Agreed, now: Agreed, *, may_lack_letters: bool = False) -> dict[str, Change]:
    """What differs, by part; empty: it is what was agreed to.

    Args:
        may_lack_letters: a follow-up leaves out whom nothing reached; that was agreed to with it.
    """
    found = {key: Change.ADDED for key in now if key not in agreed}
    for key, before in agreed.items():
        if key in now:
            if now[key] != before and (change := _change(before, now[key])):
                found[key] = change
        elif not (may_lack_letters and key.startswith(LETTER)):
            found[key] = Change.MISSING
    return found


def _change(before: Part, now: Part) -> Change | None:
    """A template that was written anew and says the same is none."""
    if now.holder != before.holder:
        return Change.HOLDER
    if now.language != before.language:
        return Change.LANGUAGE
    if now.text == before.text:
        return None
    return Change.TEXT if now.template == before.template else Change.TEMPLATE
