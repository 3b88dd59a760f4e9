"""Tries a template in a process of its own, which the kernel ends if it takes too much time or memory.

The sandbox stops every attack that is known; this is for those that are not, and for faults of the typesetter. The
process gets the draft on standard input and nothing else: no settings, no keys, no database, no file to write.

Run as a program it examines a draft; `letters.trial` is another such program. Must not import Django.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urgentaction.core.errors import ConfigurationError, TemplateError
from urgentaction.letters.content import MarkdownText, Organisation
from urgentaction.letters.examination import Draft, examine, typesetter_for
from urgentaction.letters.lint import Finding, Severity
from urgentaction.letters.source import Family


@dataclass(frozen=True, slots=True)
class Confines:
    """What a trial may take.

    Attributes:
        cpu_seconds: of computing, once everything is loaded; an ordinary letter takes a tenth of one.
        memory: bytes of address space, fonts and typesetter included.
        wall_seconds: until the process is ended even if it does nothing.
    """

    cpu_seconds: float = 10
    memory: int = 2 * 2**30
    wall_seconds: int = 60


CONFINES = Confines()

#: What Python, Typst and the loader of shared objects say when there is none left.
_NO_MEMORY = ("MemoryError", "memory allocation", "failed to map segment")


class Stopped(TemplateError):
    """Trying a template had to be stopped; says what it took too much of."""

    def __init__(self, why: str) -> None:
        super().__init__(f"could not be tried: {why}; make it shorter and plainer")


def examine_confined(draft: Draft, *, templates: Path, confines: Confines = CONFINES) -> tuple[Finding, ...]:
    """What `examination.examine` finds; an error if examining it had to be stopped.

    Args:
        templates: the folder `templates/`, for the layout of letters.

    Raises:
        ConfigurationError: fonts, layout or Python itself are missing; that is no fault of the template.
    """
    order = {"draft": _as_json(draft), "templates": str(templates)}
    try:
        found = run_confined(__spec__.name, order, confines=confines)
    except Stopped as stop:
        return (Finding(Severity.ERROR, str(stop)),)
    return tuple(Finding(Severity(one["severity"]), *_rest(one)) for one in found)


def run_confined(module: str, order: Mapping[str, Any], *, confines: Confines) -> Any:
    """Run a module of ours in a process of its own, and return what it answered.

    Args:
        module: a program that calls `answer`.
        order: what it gets on standard input, as JSON.

    Raises:
        Stopped: it took too much, or broke off.
        ConfigurationError: see `examine_confined`.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module],
            input=json.dumps({**order, "confines": dataclasses.asdict(confines)}),
            capture_output=True,
            encoding="utf-8",
            timeout=confines.wall_seconds,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUTF8": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Stopped(f"it was not done after {confines.wall_seconds} seconds") from None
    if done.returncode == 0:
        return json.loads(done.stdout)
    if done.returncode == ConfigurationError.exit_code:
        raise ConfigurationError(done.stderr.strip())
    if done.returncode in (-signal.SIGPROF, -signal.SIGXCPU):
        raise Stopped(f"it took more than {confines.cpu_seconds:g} seconds of computing")
    if any(sign in done.stderr for sign in _NO_MEMORY):
        raise Stopped(f"it took more than {confines.memory // 2**20} MB of memory")
    last = (done.stderr.strip().splitlines() or ["no word"])[-1]
    raise Stopped(f"the trial broke off ({last[:200]})")


def _rest(one: dict[str, Any]) -> tuple[str, int, int]:
    return one["message"], one["line"], one["column"]


def _as_json(draft: Draft) -> dict[str, Any]:
    found = dataclasses.asdict(draft)
    return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in found.items()}


def _from_json(found: dict[str, Any]) -> Draft:
    who = found["organisation"]
    return Draft(
        **{
            **found,
            "family": Family(found["family"]),
            "organisation": Organisation(
                **{**who, "about": MarkdownText(who["about"]), "postal_address": tuple(who["postal_address"])}
            ),
            "vocabulary": {path: tuple(words) for path, words in found["vocabulary"].items()},
            "known_sections": frozenset(found["known_sections"]),
            "for_governments": frozenset(found["for_governments"]),
            "there": tuple(found["there"]),
            "everywhere": tuple(found["everywhere"]),
        }
    )


def answer(make: Callable[[Mapping[str, Any]], Any]) -> int:
    """The whole of a confined program: read the order, be confined, write what `make` makes of it.

    Returns the exit code.
    """
    order = json.load(sys.stdin)
    _confine(Confines(**order["confines"]))
    try:
        made = make(order)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return ConfigurationError.exit_code
    json.dump(made, sys.stdout)
    return 0


def _confine(confines: Confines) -> None:
    """From here on the kernel holds this process; it can't loosen the limits again."""
    whole = math.ceil(time.process_time() + confines.cpu_seconds)
    for what, soft, hard in (
        (resource.RLIMIT_CPU, whole, whole + 1),  # told by SIGXCPU, then by SIGKILL
        (resource.RLIMIT_AS, confines.memory, confines.memory),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(what, (soft, hard))
    signal.setitimer(signal.ITIMER_PROF, confines.cpu_seconds)  # the same in parts of a second, loading not counted


def _examined(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    draft = _from_json(order["draft"])
    typesetter = typesetter_for(Path(order["templates"])) if draft.family is Family.LETTERS else None
    return [dataclasses.asdict(one) for one in examine(draft, typesetter=typesetter)]


if __name__ == "__main__":
    sys.exit(answer(_examined))
