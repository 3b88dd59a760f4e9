"""What kind of office it is, and which form of words its holder is addressed in. Both choose a form of address.

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
