"""`urgentaction up`: start everything on this machine, show that it lives, and start again what dies."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urgentaction.cli.session import console, current, error_console, printable
from urgentaction.core.errors import UrgentActionError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from urgentaction.cli.stack import Stack

_PAUSE = 0.5  # seconds between two looks
_LONGEST_WAIT = 60.0  # between two starts of something that keeps dying
_STEADY = 60.0  # after so long without dying, the next death is a first one


@dataclass(slots=True)
class _Trouble:
    """A part that has died: how often in a row, and when it is started again (monotonic seconds)."""

    deaths: int = 0
    again_at: float = 0.0
    started_at: float = 0.0


@dataclass(slots=True)
class Keeper:
    """Starts parts again that have died: after one second, then two, four … up to a minute.

    Args:
        tell: hears of deaths and starts, in words.
        clock: monotonic seconds.
    """

    stack: Stack
    tell: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    troubles: dict[str, _Trouble] = field(default_factory=dict)

    def look(self) -> None:
        """Notice who has died since the last look, and start those whose wait is over."""
        for part in self.stack.stopped():
            trouble = self.troubles.setdefault(part, _Trouble())
            if trouble.again_at == 0.0:
                self._died(part, trouble)
            elif self.clock() >= trouble.again_at:
                self._start(part, trouble)

    def _died(self, part: str, trouble: _Trouble) -> None:
        from urgentaction.embedded.observe import tail

        is_first = self.clock() - trouble.started_at > _STEADY
        trouble.deaths = 1 if is_first else trouble.deaths + 1
        wait = min(2.0 ** (trouble.deaths - 1), _LONGEST_WAIT)
        trouble.again_at = self.clock() + wait
        log, code = self.stack.log(part), self.stack.exit_code(part)
        how = "" if code is None else f" with {code}"
        self.tell(f"{part} ended{how}; it is started again in {wait:g} s. The end of {log}:")
        self.tell(tail(log, lines=8))

    def _start(self, part: str, trouble: _Trouble) -> None:
        trouble.again_at = 0.0
        trouble.started_at = self.clock()
        try:
            self.stack.restart(part)
        except UrgentActionError as error:
            self.tell(str(error).splitlines()[0])
            return  # the next look finds it gone, and waits longer
        self.tell(f"{part} runs again.")


def up(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the web process; 0 takes a free one.")] = 8000,
    no_sandbox: Annotated[bool, typer.Option("--no-sandbox", help="Without the stand-in gateways.")] = False,
) -> None:
    """Start database, broker, stand-in gateways, web, workers, beat and the watchman; stay until Ctrl-C."""
    from urgentaction.cli.programs import Part
    from urgentaction.cli.stack import Stack

    session = current()
    parts = [part for part in Part if not (no_sandbox and part is Part.SANDBOX)]
    stack = Stack(session.var.path, port=port, parts=parts, with_samples=True)
    # A shell without job control starts background commands with SIGINT ignored; Ctrl-C must end this all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)

    def say(text: str) -> None:
        # Progress is no answer: it never mixes with JSON.
        error_console().print(printable(text), soft_wrap=True)

    try:
        stack.start(report=lambda part: say(f"starting {part} …"))
        session.answer(_facts(stack), *_welcome(stack))
        _stay(stack, say)
    except KeyboardInterrupt:
        say("\nstopping …")
    finally:
        stack.stop()
    say("stopped.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _stay(stack: Stack, say: Callable[[str], None]) -> None:
    """Until somebody interrupts. On a terminal the states are shown live below the messages."""
    if current().is_json or not console().is_terminal:
        keeper = Keeper(stack, say)
        while True:
            keeper.look()
            time.sleep(_PAUSE)
    from rich.live import Live

    with Live(console=console(), auto_refresh=False, transient=True) as live:
        keeper = Keeper(stack, lambda text: live.console.print(printable(text)))
        while True:
            keeper.look()
            live.update(_states(stack, keeper), refresh=True)
            time.sleep(_PAUSE)


def _facts(stack: Stack) -> dict[str, Any]:
    return {
        "mode": stack.environment.get("URGENTACTION_MODE") or "sandbox",
        "console": f"{stack.base_url}/",
        "outbox": f"{stack.outbox_url}/" if stack.outbox_url else "",
        "logs": stack.var.logs,
        "parts": {str(part): stack.pid(part) for part in stack.parts},
    }


def _welcome(stack: Stack) -> list[RenderableType]:
    from urgentaction.cli.tables import facts

    told = _facts(stack)
    shown = facts(
        [
            ("Mode", f"{told['mode']}: nobody outside can be reached"),
            ("Console", told["console"]),
            ("Outbox", told["outbox"] or "none (--no-sandbox)"),
            ("Logs", _short(stack.var.logs)),
        ]
    )
    return [shown, "Ctrl-C stops everything."]


def _states(stack: Stack, keeper: Keeper) -> RenderableType:
    from urgentaction.cli.stack import POSTGRES, VALKEY
    from urgentaction.cli.tables import add, state, table

    made = table("Part", "State", "Process", "Deaths", numbers=["Process", "Deaths"])
    for name, server in ((POSTGRES, stack.servers.postgres), (VALKEY, stack.servers.valkey)):
        lives = server is None or server.is_running
        trouble = keeper.troubles.get(name)
        add(made, name, state("ok" if lives else "fail"), "your own" if server is None else "", _deaths(trouble))
    for part in stack.parts:
        lives = stack.is_alive(part)
        pid = str(stack.pid(part)) if lives else ""
        add(made, part, state("ok" if lives else "fail"), pid, _deaths(keeper.troubles.get(part)))
    return made


def _deaths(trouble: _Trouble | None) -> str:
    return str(trouble.deaths) if trouble else ""


def _short(path: Path) -> str:
    """A path as seen from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
