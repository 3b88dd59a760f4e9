"""Pages and links for people who have no account: stop getting mail, and the front door."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from urgentaction.channels.contract import Channel
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.references import delivery_id_of
from urgentaction.letters.organisation import organisation
from urgentaction.supporters.links import read_unsubscribe_token
from urgentaction.supporters.rules import SuppressionReason
from urgentaction.supporters.service import unsubscribe

from .answering import page, secret
from .wording import reader_language

#: RFC 8058, section 3.1: what a mail program posts.
ONE_CLICK = "One-Click"


@require_safe
@login_required
def home(_request: HttpRequest) -> HttpResponseRedirect:
    """The front door: on to the console."""
    return redirect("console:now")


@csrf_exempt  # mail programs post here by themselves (RFC 8058); the token is the guard
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows one button and changes nothing, because mail filters follow links; POST ends the mail.

    The answer is the same whatever the token: it never tells whether anybody is, or was, subscribed.
    """
    language = reader_language(request)
    is_done = request.method == "POST"
    if is_done:
        is_one_click = request.POST.get("List-Unsubscribe") == ONE_CLICK and "page" not in request.POST
        _end_mail(token, source="one-click unsubscribe" if is_one_click else "unsubscribe page")
    return secret(page(request, "public/unsubscribe.html", {"is_done": is_done}, language=language))


@csrf_exempt  # the signed reference is the guard; nobody is logged in here
@require_http_methods(["GET", "HEAD", "POST"])
def read_on(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the link in a text message leads: on to what is public of the case, and a button that stops the texts.

    The page names no case and no person; a link that we did not make shows the same page, leading to our own site.
    """
    language = reader_language(request)
    row = _text_message(reference)
    is_done = request.method == "POST"
    if is_done and row is not None:
        _end_texts(row)
    link = row.alert.case.background_url if row is not None else ""
    context = {"is_done": is_done, "link": link or organisation().view(language).website}
    return secret(page(request, "public/read_on.html", context, language=language))


def _text_message(reference: str) -> Delivery | None:
    delivery_id = delivery_id_of(reference)
    if delivery_id is None:
        return None
    rows = Delivery.objects.filter(id=delivery_id, channel=Channel.SMS.value, supporter__isnull=False)
    return rows.select_related("alert__case", "supporter").first()


@transaction.atomic
def _end_texts(row: Delivery) -> None:
    if row.supporter is not None:
        # As an answer of STOP: who holds the telephone need not be who signed up with its number.
        unsubscribe(
            row.supporter.id, source="link in a text message", channel=Channel.SMS, reason=SuppressionReason.STOP
        )


@transaction.atomic
def _end_mail(token: str, *, source: str) -> None:
    supporter_id = read_unsubscribe_token(token)
    if supporter_id is not None:
        unsubscribe(supporter_id, source=source)
