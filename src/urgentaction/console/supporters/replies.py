"""What people wrote back: read here, taken for a STOP, or filed. The words are shown on a reply's own page alone."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.listing import listed
from urgentaction.console.permissions import acting, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import attempt, found_or_404, page, there_or_404
from urgentaction.receipts import replies as room
from urgentaction.tracking.views import short_id

from .filters import Replies
from .forms import FilingAway

_HERE = {"here": "supporters", "place": "replies"}


@require_safe
@may(Role.EDITOR)
def replies(request: HttpRequest) -> HttpResponse:
    """What waits to be read, oldest first."""
    sorts = {"came": ("created_at", "id")}
    found = listed(request, room.reply_tasks(), filters=Replies, sorts=sorts, default="came")
    rows = [(one, short_id(one.supporter_id) if one.supporter_id else "") for one in room.replies_to(found.items)]
    return page(request, "console/supporters/replies.html", {"list": found, "rows": rows, **_HERE})


@require_safe
@may(Role.EDITOR)
def reply(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """One of them, opened: the audit log says by whom."""
    return page(request, "console/supporters/reply.html", _context(request, task_id, FilingAway()))


@require_POST
@may(Role.EDITOR)
def take_for_stop(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """They want to hear no more."""
    there_or_404(room.reply_tasks().filter(id=task_id))

    def deed() -> str:
        room.take_for_stop(task_id, by=acting(request))
        return _("Taken for a STOP. The sender gets nothing any more on that channel.")

    done = attempt(request, deed)
    return redirect("console:replies") if done else redirect("console:reply", task_id=task_id)


@require_POST
@may(Role.EDITOR)
def file_away(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """Read, and something done about it, or nothing needed."""
    there_or_404(room.reply_tasks().filter(id=task_id))
    form = FilingAway(request.POST)
    if not form.is_valid():
        return page(request, "console/supporters/reply.html", _context(request, task_id, form))

    def deed() -> str:
        room.file_reply(task_id, by=acting(request), result=form.cleaned_data["result"])
        return _("Filed.")

    attempt(request, deed)
    return redirect("console:replies")


def _context(request: HttpRequest, task_id: uuid.UUID, form: FilingAway) -> dict[str, Any]:
    found = found_or_404(lambda: room.reply_called(task_id))
    return {
        "reply": found,
        "words": room.open_reply(found, by=acting(request)),
        "short": short_id(found.supporter_id) if found.supporter_id else "",
        "may_stop": found.channel in ("sms", "email") and found.task.done_at is None,
        "names": names_of([found.task.done_by]),
        "form": form,
        **_HERE,
    }
