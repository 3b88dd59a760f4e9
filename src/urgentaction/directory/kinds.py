"""The words of the directory: kinds of office and forms of words (both choose a form of address), health, checks.

Pure. The forms themselves are data: `templates/forms_of_address/`.
"""

from __future__ import annotations

from enum import StrEnum


class OfficeKind(StrEnum):
    """Offices that are addressed alike, whatever their country calls them."""

    HEAD_OF_STATE = "head_of_state"  # a president; who is styled otherwise needs a salutation of their own
    MONARCH = "monarch"
    HEAD_OF_GOVERNMENT = "head_of_government"  # a prime minister
    MINISTER = "minister"
    JUDGE = "judge"  # the head of the judiciary and presidents of courts
    AMBASSADOR = "ambassador"
    PRISON_DIRECTOR = "prison_director"
    PARTY_SECRETARY = "party_secretary"
    HUMAN_RIGHTS_COMMISSIONER = "human_rights_commissioner"


class AddressedAs(StrEnum):
    """The grammatical form for the holder, in languages that have two. Nobody's identity is recorded with it."""

    WOMAN = "woman"
    MAN = "man"


class Health(StrEnum):
    """What we know of a contact point's working."""

    UNVERIFIED = "unverified"
    WORKING = "working"
    FAILING = "failing"
    DEAD = "dead"


class CheckMethod(StrEnum):
    """How somebody found out whether a contact point is right. The first two reach the office: they are contacts."""

    PHONE_CALL = "phone_call"
    TEST_MESSAGE = "test_message"
    LETTERHEAD = "letterhead"
    WEBSITE = "website"
    PUBLICATION = "publication"  # a gazette, a printed directory
    PARTNER = "partner"  # another organisation told us
    BOUNCE = "bounce"  # what came back to us


class CheckResult(StrEnum):
    """What the check showed."""

    RIGHT = "right"
    WRONG = "wrong"
    UNCLEAR = "unclear"
