"""What staff may do with one supporter. Each action is one call of a room, one message, and back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction.accounts.models import Role
from urgentaction.channels.contract import Channel
from urgentaction.console.documents import to_keep
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import in_words
from urgentaction.console.responses import attempt, found_or_404, page
from urgentaction.core.errors import InvalidInput
from urgentaction.receipts.erasing import erase_by_hand
from urgentaction.supporters.by_hand import suppress_supporter, unsubscribe_by_hand
from urgentaction.supporters.queries import supporter_called
from urgentaction.supporters.segments import segments
from urgentaction.tracking.person import as_text, everything_about
from urgentaction.tracking.views import short_id

from .forms import Erasing, LookUp, Suppressing, Unsubscribing
from .pages import overview_context, person_context


@require_POST
@may(Role.EDITOR)
def find(request: HttpRequest) -> HttpResponse:
    """To the page of who has exactly this address."""
    form = LookUp(request.POST)
    if form.is_valid():
        try:
            found = supporter_called(form.cleaned_data["address"])
            return redirect("console:supporter", supporter_id=found.id)
        except InvalidInput as refusal:
            form.add_error("address", in_words(refusal.problems[0].message))
    return page(request, "console/supporters/overview.html", overview_context(segments(), form))


@require_POST
@may(Role.EDITOR)
def unsubscribe(request: HttpRequest, supporter_id: uuid.UUID) -> HttpResponse:
    """They told us that they want no more."""

    def deed(given: dict[str, str]) -> str:
        unsubscribe_by_hand(supporter_id, Channel(given["channel"]), by=acting(request), how=given["how"])
        return _("Done. They get nothing any more on that channel, at once and in every alert.")

    return _act(request, supporter_id, "unsubscribe", Unsubscribing(request.POST), deed)


@require_POST
@may(Role.EDITOR)
def suppress(request: HttpRequest, supporter_id: uuid.UUID) -> HttpResponse:
    """Staff decides that they get nothing."""

    def deed(given: dict[str, str]) -> str:
        suppress_supporter(supporter_id, Channel(given["channel"]), by=acting(request), why=given["why"])
        return _("Suppressed. Nothing goes there until somebody lifts it.")

    return _act(request, supporter_id, "suppress", Suppressing(request.POST), deed)


@require_POST
@may(Role.APPROVER)
def erase(request: HttpRequest, supporter_id: uuid.UUID) -> HttpResponse:
    """Forget them for good."""

    def deed(given: dict[str, str]) -> str:
        erase_by_hand(supporter_id, by=acting(request), why=given["why"])
        return _("Erased. Name and addresses are gone everywhere; the addresses get nothing any more.")

    return _act(request, supporter_id, "erase", Erasing(request.POST), deed)


@require_POST
@may(Role.EDITOR)
def export(request: HttpRequest, supporter_id: uuid.UUID) -> HttpResponse:
    """Everything held on them as a file, `form` being `json` or `text`. It is named by their id's end alone."""
    everything = found_or_404(lambda: everything_about(supporter_id, by=acting(request)))
    is_json = request.POST.get("form") == "json"
    content = json.dumps(everything, ensure_ascii=False, indent=2) if is_json else as_text(everything)
    ending, kind = ("json", "application/json") if is_json else ("txt", "text/plain; charset=utf-8")
    return to_keep(HttpResponse(content, content_type=kind), f"supporter-{short_id(supporter_id)}.{ending}")


def _act(
    request: HttpRequest,
    supporter_id: uuid.UUID,
    section: str,
    form: forms.Form,
    deed: Callable[[dict[str, str]], str],
) -> HttpResponse:
    """Do it and go back to the person; what is wrong with the form is shown at its fields."""
    if not form.is_valid():
        context = person_context(request, supporter_id, {section: form})
        return page(request, "console/supporters/person.html", context)
    attempt(request, lambda: deed(form.cleaned_data))
    return redirect("console:supporter", supporter_id=supporter_id)
