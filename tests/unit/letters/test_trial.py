"""Texts that are tried while somebody writes them: what comes back, and what is stopped."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.letters.contexts import TEMPLATES
from urgentaction.core.errors import TemplateError
from urgentaction.letters import specimens
from urgentaction.letters.carried import packed, unpacked
from urgentaction.letters.confined import Confines, Stopped
from urgentaction.letters.content import LetterContext, MarkdownText, NoticeContext, SmsContext
from urgentaction.letters.fields import CONTEXTS
from urgentaction.letters.source import Family, TemplateSource, load_shipped
from urgentaction.letters.specimens import ORGANISATION, Scene, Stage
from urgentaction.letters.trial import Trial, try_confined

FRONT = '+++\nre = "About {{ case.re_line }}"\nclosing = "Yours sincerely"\n+++\n'
STAGE = Stage(language="ko", kind="first_appeal", sections=("latest", "law"), optional=())


def trial(text: str, **known: object) -> Trial:
    given = {
        "family": Family.LETTERS,
        "kind": "first_appeal",
        "source": TemplateSource("as you wrote it", "en", text),
        "organisation": ORGANISATION,
    }
    return Trial(**{**given, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize("scene", [Scene(), Scene(has_deadline=False, has_people=False, is_full=False)])
def test_a_context_survives_its_journey(scene: Scene) -> None:
    made: tuple[LetterContext | NoticeContext | SmsContext, ...] = (
        specimens.letter(STAGE, scene),
        specimens.notice(STAGE, scene),
        specimens.sms(STAGE, scene),
    )
    for context in made:
        again = unpacked(type(context), packed(context))
        assert again == context
    letter = unpacked(LetterContext, packed(specimens.letter(STAGE, Scene())))
    assert all(type(text) is MarkdownText for text in letter.case.texts.values())
    assert set(CONTEXTS.values()) == {type(context) for context in made}


def test_a_text_is_rendered_for_an_invented_case() -> None:
    made = try_confined(trial(f"{FRONT}We ask **this**: {{{{ case.texts.anything }}}}\n"), templates=TEMPLATES)
    assert made.subject == "About Nine refugees"
    assert "We ask this: This sentence stands" in made.text
    assert "<strong>this</strong>" in made.html
    assert made.pages == ()


@pytest.mark.parametrize("pages", ["pdf", "fax"])
def test_pages_come_as_pictures(pages: str) -> None:
    made = try_confined(trial(f"{FRONT}Hello\n", pages=pages, fax_number="+1 202 555 0101"), templates=TEMPLATES)
    assert [page[:8] for page in made.pages] == [b"\x89PNG\r\n\x1a\n"]


@pytest.mark.parametrize(("family", "kind"), [(Family.NOTICES, "appeal"), (Family.SMS, "update")])
def test_notices_and_text_messages_are_tried_as_well(family: Family, kind: str) -> None:
    source = load_shipped(family, kind, "ko", root=TEMPLATES)
    made = try_confined(trial("", family=family, kind=kind, source=source), templates=TEMPLATES)
    assert made.text


def test_a_mistake_is_told_with_its_line() -> None:
    with pytest.raises(TemplateError, match=r"line 6.*nobody"):
        try_confined(trial(f"{FRONT}Hello\n{{{{ nobody }}}}\n"), templates=TEMPLATES)


def test_a_loop_that_never_ends_is_stopped() -> None:
    loop = "{% for a in cc %}" * 8 + "{% for b in persons %}" * 8 + "x" + "{% endfor %}" * 16
    with pytest.raises(TemplateError):
        try_confined(trial(FRONT + loop), templates=TEMPLATES)


def test_what_takes_too_much_is_stopped_and_says_so() -> None:
    text = trial(FRONT + "Hello\n", pages="pdf")
    for confines, told in (
        (Confines(cpu_seconds=0.001), "of computing"),
        (Confines(memory=32 * 2**20), "of memory"),
        (Confines(wall_seconds=0), "not done after"),
    ):
        with pytest.raises(Stopped, match=told):
            try_confined(text, templates=TEMPLATES, confines=confines)


def test_the_process_knows_no_django() -> None:
    code = "import sys, urgentaction.letters.trial; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
