"""The suppression list: who gets nothing any more, and the way back. No address is ever shown."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.channels.contract import Channel
from urgentaction.console.listing import listed
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import in_words
from urgentaction.console.responses import attempt, found_or_404, page
from urgentaction.core.errors import InvalidInput
from urgentaction.supporters.by_hand import lift_entry, suppress_by_hand
from urgentaction.supporters.models import Suppression
from urgentaction.supporters.queries import entries_of, entry_numbered, holds_now, normalised
from urgentaction.supporters.rules import WISHES

from . import reading
from .filters import Entries
from .forms import Lifting, LookUp, SuppressingAddress


@require_safe
@may(Role.EDITOR)
def entries(request: HttpRequest) -> HttpResponse:
    """The list, the latest first."""
    return page(request, "console/supporters/suppression.html", _list_context(request))


@require_POST
@may(Role.EDITOR)
def find(request: HttpRequest) -> HttpResponse:
    """Everything that ever suppressed one address, shown to who typed it."""
    form = LookUp(request.POST)
    context = _list_context(request, look_up=form)
    if form.is_valid():
        address = form.cleaned_data["address"]
        channel = Channel.EMAIL if "@" in address else Channel.SMS
        try:
            rows = entries_of(channel, address)
        except InvalidInput as refusal:
            form.add_error("address", in_words(refusal.problems[0].message))
        else:
            context |= {
                "is_found": True,
                "found": reading.entry_rows(rows),
                "is_held": any(holds_now(row) for row in rows),
                "found_channel": channel.value,
            }
    return page(request, "console/supporters/suppression.html", context)


@require_POST
@may(Role.EDITOR)
def add(request: HttpRequest) -> HttpResponse:
    """Let an address get nothing any more, whoever has it."""
    form = SuppressingAddress(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        channel = Channel(given["channel"])
        try:
            address = normalised(channel, given["address"])
        except InvalidInput as refusal:
            form.add_error("address", in_words(refusal.problems[0].message))
    if not form.is_valid():
        return page(request, "console/supporters/suppression.html", _list_context(request, adding=form))

    def deed() -> str:
        suppress_by_hand(channel, address, by=acting(request), why=given["why"])
        return _("Suppressed. Nothing goes there until somebody lifts it.")

    attempt(request, deed)
    return redirect("console:suppression")


@require_safe
@may(Role.EDITOR)
def entry(request: HttpRequest, entry_id: uuid.UUID) -> HttpResponse:
    """One entry, everything before it at the same address, and the way back."""
    return page(request, "console/supporters/suppression_entry.html", _entry_context(entry_id))


@require_POST
@may(Role.EDITOR)
def lift(request: HttpRequest, entry_id: uuid.UUID) -> HttpResponse:
    """Let the address be written to again."""
    row = found_or_404(lambda: entry_numbered(entry_id))
    form = Lifting(request.POST, needs_wish=row.reason in WISHES)
    if not form.is_valid():
        return page(request, "console/supporters/suppression_entry.html", _entry_context(entry_id, form))

    def deed() -> str:
        given = form.cleaned_data
        lift_entry(entry_id, by=acting(request), why=given["why"], wish=given.get("wish", ""))
        return _("Lifted. The address may be written to again; the entry stays in its history.")

    attempt(request, deed)
    return redirect("console:suppression-entry", entry_id=entry_id)


def _list_context(
    request: HttpRequest, *, look_up: LookUp | None = None, adding: SuppressingAddress | None = None
) -> dict[str, Any]:
    sorts = {"since": ("id",)}
    found = listed(request, Suppression.objects.all(), filters=Entries, sorts=sorts, default="-since")
    return {
        "list": found,
        "rows": reading.entry_rows(found.items),
        "look_up": look_up or LookUp(),
        "adding": adding or SuppressingAddress(),
        **_WORDS,
    }


def _entry_context(entry_id: uuid.UUID, form: Lifting | None = None) -> dict[str, Any]:
    row = found_or_404(lambda: entry_numbered(entry_id))
    index = bytes(row.address_index)
    history = Suppression.objects.filter(channel=row.channel, address_index=index).order_by("-created_at", "-id")
    needs_wish = row.reason in WISHES
    return {
        "entry": reading.entry_rows([row])[0],
        "history": reading.entry_rows(history),
        "person": reading.supporters_with([(row.channel, index)]).get((row.channel, index)),
        "is_held": holds_now(row),
        "needs_wish": needs_wish,
        "form": form or Lifting(needs_wish=needs_wish),
        **_WORDS,
    }


_WORDS = {"here": "supporters", "place": "suppression"}
