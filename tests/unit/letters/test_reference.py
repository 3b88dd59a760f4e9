"""The list of fields for whoever writes a template: what it tells them to write can be written."""

from __future__ import annotations

import pytest

from urgentaction.letters.fields import readable
from urgentaction.letters.reads import read_piece
from urgentaction.letters.reference import reference
from urgentaction.letters.sandbox import Piece
from urgentaction.letters.source import Family


@pytest.mark.parametrize("family", Family)
def test_every_field_is_told_with_an_example_and_can_be_written(family: Family) -> None:
    entries = reference(family)
    assert [one.path for one in entries] == [line.path for line in readable(family)]
    for one in entries:
        assert one.example, one.path
        assert one.words
        assert not read_piece(Piece("example", one.write), family=family, place="body").findings, one.write
