"""Every task that is enqueued is registered, and every queue has somebody who takes from it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.layout import ROOT, SOURCE, WORKERS_FOLDER, python_files
from tests.architecture.test_compose import queues_of_services
from urgentaction.cli import programs
from urgentaction.core.enqueue import QUEUE_OF, Queue, Task
from urgentaction.incidents.looking import WORKER_OF
from workers.app import app
from workers.queues import WORKERS

MOST_LINES = 10


def registered() -> set[str]:
    app.loader.import_default_modules()
    app.finalize()
    return {name for name in app.tasks if not name.startswith("celery.")}


def test_the_names_enqueued_and_the_names_registered_are_the_same() -> None:
    assert registered() == {task.value for task in Task}


def test_a_worker_loads_no_page_of_the_console() -> None:
    """Its memory is what it needs for sending: the pages, their forms and their log-in took 35 MB in each process."""
    program = (
        "import sys; from workers.app import app; app.loader.import_default_modules(); app.finalize(); "
        "print(*(name for name in sys.modules if name.startswith('urgentaction.') and name.endswith('.urls')))"
    )
    done = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_name_is_a_verb_of_ours() -> None:
    assert [task.value for task in Task if not re.fullmatch(r"urgentaction\.[a-z]+(_[a-z]+)*", task)] == []


def test_every_task_has_a_queue_and_every_queue_a_task() -> None:
    assert set(QUEUE_OF) == set(Task)
    assert set(QUEUE_OF.values()) == set(Queue)


def test_the_workers_declare_exactly_these_queues() -> None:
    declared = app.conf.task_queues
    assert declared, "workers/app.py must set task_queues: without it Celery takes from a queue of its own name"
    assert {queue.name for queue in declared} == {queue.value for queue in Queue}


def test_a_name_without_a_queue_named_goes_to_its_own() -> None:
    assert {name: route["queue"] for name, route in app.conf.task_routes.items()} == {
        task.value: queue.value for task, queue in QUEUE_OF.items()
    }


def test_every_queue_is_taken_from() -> None:
    assert {queue for queues in WORKERS.values() for queue in queues} == set(Queue)


def test_the_command_line_starts_exactly_these_workers() -> None:
    assert {part.value: set(queues) for part, queues in programs.WORKERS.items()} == {
        name: {queue.value for queue in queues} for name, queues in WORKERS.items()
    }


def test_production_starts_exactly_these_workers() -> None:
    assert {name: set(queues) for name, queues in queues_of_services().items()} == {
        f"worker-{name}": {queue.value for queue in queues} for name, queues in WORKERS.items()
    }


def test_an_officials_fax_never_waits_behind_supporter_mail() -> None:
    for worker, queues in WORKERS.items():
        assert not {Queue.URGENT, Queue.BULK} <= set(queues), f"{worker} takes from both"


def test_what_the_clock_starts_is_registered_and_goes_where_it_belongs() -> None:
    assert app.conf.beat_schedule, "workers/schedule.py starts nothing: no sweeper, no heartbeat"
    for entry in app.conf.beat_schedule.values():
        task = Task(entry["task"])
        if task is not Task.HEARTBEAT:
            assert entry.get("options", {}).get("queue", QUEUE_OF[task].value) == QUEUE_OF[task].value


def test_a_heart_beats_in_every_queue_and_says_which() -> None:
    beats = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == Task.HEARTBEAT.value]
    assert {entry["options"]["queue"] for entry in beats} == {queue.value for queue in Queue}
    assert all(entry["args"] == (entry["options"]["queue"],) for entry in beats)


def test_who_watches_knows_which_worker_takes_from_which_queue() -> None:
    assert {queue: worker for worker, queues in WORKERS.items() for queue in queues} == dict(WORKER_OF)


def calls_of(path: Path, names: set[str]) -> list[str]:
    """`file:line` of every call of a method with one of these names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


def test_only_one_place_speaks_to_the_broker() -> None:
    allowed = SOURCE / "core" / "enqueue.py"
    found = [
        call
        for path in python_files(SOURCE, WORKERS_FOLDER)
        if path != allowed
        for call in calls_of(path, {"send_task", "apply_async", "delay", "retry"})
    ]
    assert found == [], "use urgentaction.core.enqueue: a name from Task, after commit, no countdown, no retry"


def task_bodies() -> list[tuple[str, int]]:
    """(name, lines of the body without its docstring) of every task function."""
    found = []
    for path in python_files(WORKERS_FOLDER):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or "task" not in "".join(map(ast.unparse, node.decorator_list)):
                continue
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            found.append((node.name, (node.end_lineno or 0) - body[0].lineno + 1 if body else 0))
    return found


def test_every_task_is_looked_at() -> None:
    assert len(task_bodies()) >= len(Task)


@pytest.mark.parametrize(("name", "lines"), task_bodies())
def test_a_task_only_calls_the_pipeline(name: str, lines: int) -> None:
    assert lines <= MOST_LINES, f"{name} has {lines} lines; what it does belongs into the pipeline"
