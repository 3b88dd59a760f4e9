"""Keeping things alive: deaths are told with the end of the log, and starts wait longer each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from urgentaction.cli.programs import WORKERS
from urgentaction.cli.stack import Stack
from urgentaction.cli.up import Keeper
from urgentaction.core.errors import UrgentActionError


@dataclass
class FakeStack:
    """A stack of which one part dies when it is told to."""

    folder: Path
    gone: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    is_hopeless: bool = False

    def stopped(self) -> list[str]:
        return list(self.gone)

    def exit_code(self, part: str) -> int | None:
        return 137

    def log(self, part: str) -> Path:
        return self.folder / f"{part}.log"

    def restart(self, part: str) -> None:
        self.restarted.append(part)
        if self.is_hopeless:
            raise UrgentActionError(f"{part} ended with 1 before it was ready\nlog")
        self.gone.remove(part)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def keeper_of(stack: FakeStack) -> tuple[Keeper, Clock, list[str]]:
    clock, told = Clock(), list[str]()
    return Keeper(cast(Stack, stack), told.append, clock), clock, told


def test_a_death_is_told_with_the_end_of_the_log_and_then_repaired(tmp_path: Path) -> None:
    (tmp_path / "bulk.log").write_text("before\nit broke here\n")
    stack = FakeStack(tmp_path, gone=["bulk"])
    keeper, clock, told = keeper_of(stack)
    keeper.look()
    assert told[0].startswith("bulk ended with 137; it is started again in 1 s.")
    assert "it broke here" in told[1]
    keeper.look()
    assert stack.restarted == []
    clock.now += 1
    keeper.look()
    assert stack.restarted == ["bulk"]
    assert told[-1] == "bulk runs again."


def test_what_keeps_dying_waits_longer_each_time(tmp_path: Path) -> None:
    stack = FakeStack(tmp_path, gone=["web"], is_hopeless=True)
    keeper, clock, told = keeper_of(stack)
    for _ in range(40):
        keeper.look()
        clock.now += 2
    waits = [line for line in told if "started again in" in line]
    assert [line.split("again in ")[1].split(" s.")[0] for line in waits[:4]] == ["1", "2", "4", "8"]


def test_a_death_after_a_long_life_is_a_first_one(tmp_path: Path) -> None:
    stack = FakeStack(tmp_path, gone=["web"])
    keeper, clock, told = keeper_of(stack)
    for pause in (0, 1, 3600):
        clock.now += pause
        keeper.look()
    stack.gone.append("web")
    keeper.look()
    assert [line for line in told if "in 1 s" in line] == [told[0], told[-2]]


def test_the_stack_starts_the_workers_that_there_are() -> None:
    from workers.queues import WORKERS as THERE

    assert {str(part): queues for part, queues in WORKERS.items()} == {
        name: tuple(queue.value for queue in queues) for name, queues in THERE.items()
    }
