"""`urgentaction tasks`, `urgentaction task close`: what machines left for people."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import actor, opened
from urgentaction.core.errors import InvalidInput, NotFound

app = typer.Typer(help="What is left for people.", no_args_is_help=True)
_SHORTEST = 4


def show_tasks(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Done ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many at most.")] = 200,
    after: Annotated[str, typer.Option(metavar="ID", help="Go on after this task.")] = "",
) -> None:
    """Show what is left for people, with what to do about it."""
    with opened() as session:
        from urgentaction.cli.tables import tasks_table
        from urgentaction.tracking.queries import tasks

        before = _task_called(after) if after else None
        page = tasks(is_done=None if all_ else False, after_id=before, limit=limit)
        shown = tasks_table(page.items) if page.items else "Nothing is left for people."
        session.answer(page.items, shown, *reading.more(page.next.hex[-8:] if page.next else None))


@app.command()
def close(
    task: Annotated[str, typer.Argument(metavar="ID", help="As `urgentaction tasks` shows it, or the whole id.")],
    *,
    result: Annotated[str, typer.Option(help="What came of it; kept with the task.")],
) -> None:
    """Mark a task as done."""
    with opened() as session:
        from urgentaction.deliveries.service import close_task

        row = close_task(_task_called(task), by=actor(), result=result)
        session.answer({"id": row.id, "title": row.title, "done_by": row.done_by}, f"Done: {row.title}")


def _task_called(name: str) -> uuid.UUID:
    """The task with this id, or the one whose id ends so. Raises NotFound, or InvalidInput where several do."""
    from urgentaction.deliveries.models import HumanTask

    wanted = name.strip().lower().replace("-", "")
    if len(wanted) < _SHORTEST:
        raise InvalidInput.of("task", f"“{name}” is too short; give the id as `urgentaction tasks --all` shows it")
    found = [one for one in HumanTask.objects.values_list("id", flat=True) if one.hex.endswith(wanted)]
    if not found:
        raise NotFound.of("task", f"there is no task {name!r}; `urgentaction tasks` shows them")
    if len(found) > 1:
        raise InvalidInput.of("task", f"{len(found)} tasks end in {name!r}; give more of the id")
    return found[0]
