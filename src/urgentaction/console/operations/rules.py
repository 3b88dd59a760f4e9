"""The rules in words, and what others would have done with the updates of the past. Writes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import is_at_least, may
from urgentaction.console.responses import page
from urgentaction.tracking.replay import MOST, replay
from urgentaction.triggers.decision import DraftRule
from urgentaction.triggers.describe import situations
from urgentaction.triggers.ruleset import shipped, shipped_text

from . import reading, words
from .forms import ReplayForm

PERIOD = timedelta(days=365)
UNUSABLE = 422


@require_safe
@may(Role.VIEWER)
def rules(request: HttpRequest) -> HttpResponse:
    """The rules in force, one a line."""
    found = shipped()
    context = {
        "rules": [reading.rule_line(rule) for rule in found.rules],
        "set": found,
        "approved": reading.approved_rules(),
        "may_try": is_at_least(request.user, Role.EDITOR),
        "here": "operations",
    }
    return page(request, "console/operations/rules.html", context)


@require_safe
@may(Role.VIEWER)
def rule(request: HttpRequest, rule_id: str) -> HttpResponse:
    """One rule: when it counts, and what it does in each situation."""
    found = next((one for one in shipped().rules if one.id == rule_id), None)
    if found is None:
        raise Http404
    context = {
        "rule": reading.rule_line(found),
        "is_draft": isinstance(found, DraftRule),
        "situations": situations(found, shipped()),
        "approvals": reading.approvals_of(rule_id),
        "may_try": is_at_least(request.user, Role.EDITOR),
        "here": "operations",
    }
    return page(request, "console/operations/rule.html", context)


@require_safe
@may(Role.EDITOR)
def dry_run(request: HttpRequest) -> HttpResponse:
    """The form, with the rules in force to begin with."""
    today = timezone.localdate()
    initial = {
        "since": today - PERIOD,
        "until": today,
        "rule": request.GET.get("rule", "")[:60],
        "text": shipped_text(),
    }
    return _page(request, ReplayForm(initial=initial))


@require_POST
@may(Role.EDITOR)
def replay_updates(request: HttpRequest) -> HttpResponse:
    """What the given rules would have decided. A POST because a rule set is too long for an address."""
    form = ReplayForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=UNUSABLE)
    since, until = form.period
    given = form.cleaned_data
    found = replay(
        form.rules,
        current=shipped(),
        since=since,
        until=until,
        rule=given["rule"].strip(),
        after=given["after"],
        limit=MOST,
    )
    return _page(request, form, replay=found, is_other=form.rules.digest != shipped().digest)


def _page(request: HttpRequest, form: ReplayForm, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"form": form, "most": MOST, "outcome": words.OUTCOME, "totals": words.TOTALS, "here": "operations"}
    return page(request, "console/operations/rules_try.html", {**context, **more}, status=status)
