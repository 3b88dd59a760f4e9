"""The list of fields: every one on it can be read, every one that can be read is on it, and the docs say the same."""

from __future__ import annotations

import re

import pytest

from tests.unit.letters.contexts import ROOT
from urgentaction.letters import specimens
from urgentaction.letters.content import LetterContext, NoticeContext, SmsContext
from urgentaction.letters.fields import CONTEXTS, as_markdown, fields_of, readable
from urgentaction.letters.render import _values
from urgentaction.letters.sandbox import Piece, Renderer
from urgentaction.letters.source import Family
from urgentaction.letters.specimens import Scene, Stage

STAGE = Stage(language="en", kind="first_appeal", sections=("SECTION",), optional=())


def context(family: Family) -> LetterContext | NoticeContext | SmsContext:
    if family is Family.LETTERS:
        return specimens.letter(STAGE, Scene())
    return specimens.notice(STAGE, Scene()) if family is Family.NOTICES else specimens.sms(STAGE, Scene())


@pytest.mark.parametrize("family", Family)
def test_the_documentation_lists_exactly_the_fields_there_are(family: Family) -> None:
    text = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    match = re.search(rf"<!-- fields: {family} -->\n\n(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    assert match is not None
    assert match[1].strip() == as_markdown(family), "paste what as_markdown gives into docs/templates.md"


@pytest.mark.parametrize("family", Family)
def test_every_field_on_the_list_can_be_read_in_the_sandbox(family: Family) -> None:
    renderer, values = Renderer("en"), _values(context(family))
    for line in readable(family):
        if line.kind.is_list:
            text = "{% for one in " + line.path + " %}x{% endfor %}"
        elif line.kind.is_text or line.kind.is_mapping:
            text = "{{ " + line.path + " }}x"
        else:
            text = "{{ " + line.path + " | day }}"
        assert renderer.markdown(Piece("t", text), values), line.path


@pytest.mark.parametrize("family", Family)
def test_every_field_of_a_context_is_on_the_list(family: Family) -> None:
    listed = {line.path.partition(".")[0] for line in readable(family)}
    assert listed == set(fields_of(CONTEXTS[family])) == set(_values(context(family)))
