"""How to ask for a guardian: the description of a guarded command and its command line.

Owns: the value handed to `guardian.py`. Must not: run anything itself.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from urgentaction.embedded import guardian
from urgentaction.embedded.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A command under a guardian. It is visible in the process list, so it must not hold a secret.

    Args:
        argv: the command; its first word is looked up in PATH.
        log: file that standard output and error are added to.
        cwd: working folder of the command.
        stdin: file to read as standard input; nothing by default.
        stop_signal: asks the command to end in good order.
        death_signal: sent by Linux should the guardian itself be killed.
        grace: seconds between the stop signal and SIGKILL once the lifeline is gone.
        account: user to run as, when the program runs as root.
        alive_lock: held while the guardian or any process of the command lives.
        guardian_lock: held while the guardian lives; contains its process id.
        users_lock: the lifeline of a shared server (the guardian detaches); without it, standard input is.
    """

    argv: list[str]
    log: Path
    cwd: Path = Path("/")
    stdin: Path | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL
    grace: float = 5.0
    account: Account | None = None
    alive_lock: Path | None = None
    guardian_lock: Path | None = None
    users_lock: Path | None = None

    def command_line(self) -> list[str]:
        """The words that start the guardian; it needs nothing but this interpreter's standard library."""
        spec = json.dumps(dataclasses.asdict(self), default=str)
        # -I -S: no site packages, no user settings, no PYTHON* variables; those are for the command, which gets them.
        return [sys.executable, "-I", "-S", guardian.__file__, spec]
