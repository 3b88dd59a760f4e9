from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.core.encryption import KeyRing, blind_index
from urgentaction.core.errors import ConfigurationError, DecryptionError

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()


@given(st.text(max_size=200))
def test_what_was_encrypted_is_read_back(text: str) -> None:
    ring = KeyRing.parse(f"k1:{KEY}")
    assert ring.decrypt(ring.encrypt(text, context="t/c/1"), context="t/c/1") == text


def test_a_value_moved_to_another_row_is_refused() -> None:
    ring = KeyRing.parse(f"k1:{KEY}")
    sealed = ring.encrypt("Kim", context="cases_person/confidential_name/1")
    with pytest.raises(DecryptionError, match="another row"):
        ring.decrypt(sealed, context="cases_person/confidential_name/2")


def test_old_keys_still_read_after_a_new_one_was_put_in_front() -> None:
    sealed = KeyRing.parse(f"old:{KEY}").encrypt("Kim", context="x")
    ring = KeyRing.parse(f"new:{OTHER},old:{KEY}")
    assert ring.current == "new"
    assert ring.decrypt(sealed, context="x") == "Kim"


def test_a_lost_key_is_named() -> None:
    sealed = KeyRing.parse(f"old:{KEY}").encrypt("Kim", context="x")
    with pytest.raises(DecryptionError, match=r"key 'old' is not in URGENTACTION_FIELD_KEYS"):
        KeyRing.parse(f"new:{OTHER}").decrypt(sealed, context="x")


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), ("k1", "must look like"), ("k1:!!", "not base64"), ("k1:QUJD", "has 3 bytes; it needs 32")],
)
def test_a_bad_key_ring_stops_the_program_and_says_why(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        KeyRing.parse(text)


def test_a_blind_index_is_the_same_for_every_spelling_and_differs_by_purpose() -> None:
    assert blind_index("email", " Min@Example.INVALID ") == blind_index("email", "min@example.invalid")
    assert blind_index("email", "x") != blind_index("phone", "x")
