from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from urgentaction.core.ids import read_signed_reference, signed_reference, uuid7

KEY = b"k" * 32


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_reference_names_its_row_and_no_other(number: int) -> None:
    reference = signed_reference("d", number, KEY)
    assert read_signed_reference("d", reference, KEY) == number
    assert read_signed_reference("d", reference, b"other key") is None
    assert (
        read_signed_reference("d", signed_reference("d", number + 1, KEY).split("-")[0] + reference[-21:], KEY) is None
    )


@given(st.text(max_size=60))
def test_anything_else_is_no_reference(text: str) -> None:
    assert read_signed_reference("d", text, KEY) is None


def test_ids_sort_by_time_and_say_their_version() -> None:
    ids = [uuid7() for _ in range(50)]
    assert len(set(ids)) == 50
    assert {one.version for one in ids} == {7}
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
