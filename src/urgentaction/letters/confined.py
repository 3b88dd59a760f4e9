"""Examines a template in a process of its own, which the kernel ends if it takes too much time or memory.

The sandbox stops every attack that is known; this is for those that are not, and for faults of the typesetter. The
process gets the draft on standard input and nothing else: no settings, no keys, no database, no file to write.

Run as a program it is that process. Must not import Django.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urgentaction.core.errors import ConfigurationError
from urgentaction.letters.content import MarkdownText, Organisation
from urgentaction.letters.examination import Draft, examine, typesetter_for
from urgentaction.letters.lint import Finding, Severity
from urgentaction.letters.source import Family


@dataclass(frozen=True, slots=True)
class Confines:
    """What an examination may take.

    Attributes:
        cpu_seconds: of computing; an ordinary letter takes one or two.
        memory: bytes of address space, fonts and typesetter included.
        wall_seconds: until the process is ended even if it does nothing.
    """

    cpu_seconds: int = 10
    memory: int = 2 * 2**30
    wall_seconds: int = 60


CONFINES = Confines()


#: What Python, Typst and the loader of shared objects say when there is none left.
_NO_MEMORY = ("MemoryError", "memory allocation", "failed to map segment")


def examine_confined(draft: Draft, *, templates: Path, confines: Confines = CONFINES) -> tuple[Finding, ...]:
    """What `examination.examine` finds; an error if examining it had to be stopped.

    Args:
        templates: the folder `templates/`, for the layout of letters.

    Raises:
        ConfigurationError: fonts, layout or Python itself are missing; that is no fault of the template.
    """
    order = {"draft": _as_json(draft), "templates": str(templates), "confines": dataclasses.asdict(confines)}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __spec__.name],
            input=json.dumps(order),
            capture_output=True,
            encoding="utf-8",
            timeout=confines.wall_seconds,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUTF8": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (_stopped(f"it was not done after {confines.wall_seconds} seconds"),)
    if done.returncode == 0:
        return tuple(Finding(Severity(one["severity"]), *_rest(one)) for one in json.loads(done.stdout))
    if done.returncode == ConfigurationError.exit_code:
        raise ConfigurationError(done.stderr.strip())
    if done.returncode == -signal.SIGXCPU:
        return (_stopped(f"it took more than {confines.cpu_seconds} seconds of computing"),)
    if any(sign in done.stderr for sign in _NO_MEMORY):
        return (_stopped(f"it took more than {confines.memory // 2**20} MB of memory"),)
    last = (done.stderr.strip().splitlines() or ["no word"])[-1]
    return (_stopped(f"the trial broke off ({last[:200]})"),)


def _stopped(why: str) -> Finding:
    return Finding(Severity.ERROR, f"could not be tried: {why}; make it shorter and plainer")


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


def _confine(confines: Confines) -> None:
    """From here on the kernel holds this process; it can't loosen the limits again."""
    for what, soft, hard in (
        (resource.RLIMIT_CPU, confines.cpu_seconds, confines.cpu_seconds + 1),  # told by SIGXCPU, then by SIGKILL
        (resource.RLIMIT_AS, confines.memory, confines.memory),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(what, (soft, hard))


def main() -> int:
    """Examine the draft on standard input; findings go to standard output. Returns the exit code."""
    order = json.load(sys.stdin)
    _confine(Confines(**order["confines"]))
    draft = _from_json(order["draft"])
    try:
        is_set = draft.family is Family.LETTERS
        typesetter = typesetter_for(Path(order["templates"])) if is_set else None
        found = examine(draft, typesetter=typesetter)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return ConfigurationError.exit_code
    json.dump([dataclasses.asdict(one) for one in found], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
