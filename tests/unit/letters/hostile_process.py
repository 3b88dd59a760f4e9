"""Renders hostile templates, each in a fork of its own that the kernel kills when it takes too much.

A program of its own, so that nothing of the test run is forked. Reads one JSON object a line, writes one a line.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import replace

from tests.unit.letters.contexts import TEMPLATES, letter_context, notice_context
from urgentaction.core.errors import TemplateError
from urgentaction.letters.content import LetterContext, NoticeContext
from urgentaction.letters.render import render_letter, render_notice
from urgentaction.letters.source import TemplateSource
from urgentaction.letters.typeset import Typesetter

SECONDS = 2  # of CPU time: it doesn't matter how busy the machine is
MEMORY = 768 * 2**20  # of address space beyond what a fork begins with
NAME = "letters/hostile/en.md"


def main() -> None:
    typesetter = Typesetter(TEMPLATES / "typst")
    letter, notice = letter_context("en"), notice_context("en")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_confined(typesetter, letter, notice, json.loads(line))) + "\n")
        sys.stdout.flush()


def _confined(
    typesetter: Typesetter, letter: LetterContext, notice: NoticeContext, attack: dict[str, str]
) -> dict[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _limit()
        with os.fdopen(writing, "w", encoding="utf-8") as out:
            json.dump(_rendered(typesetter, letter, notice, attack), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"killed": signal.Signals(os.WTERMSIG(status)).name}
    found: dict[str, str] = json.loads(told) if told else {"killed": f"status {status}"}
    return found


def _limit() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file of the project
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(60)  # for something that waits instead of working


def _rendered(
    typesetter: Typesetter, letter: LetterContext, notice: NoticeContext, attack: dict[str, str]
) -> dict[str, str]:
    body = attack["body"]
    letter_text = attack["raw"] or f'+++\nre = "{attack["front"]}"\nclosing = "Yours"\n+++\n{body}'
    notice_text = (
        attack["raw"] or f'+++\nsubject = "{attack["front"]}"\n+++\n{body}\n\n{{{{ unsubscribe_url | link }}}}'
    )
    try:
        found = render_letter(TemplateSource(NAME, "en", letter_text), letter)
        typesetter.letter_pdf(found, replace(letter, cc=()))
        told = render_notice(TemplateSource(NAME, "en", notice_text), notice)
    except TemplateError as error:
        return {"refused": str(error)}
    except BaseException as error:  # noqa: BLE001 - a panic of the typesetter is no Exception
        return {"broke": f"{type(error).__name__}: {error}"[:300]}
    return {"html": found.html + told.html, "subjects": f"{found.re_line}\0{told.subject}"}


if __name__ == "__main__":
    main()
