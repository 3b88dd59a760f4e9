"""Signing up for urgent actions: the form, and the page its confirmation mail leads to.

Every answer to the form is the same, whoever the address belongs to; nobody is a supporter before the second page.
"""

from __future__ import annotations

from http import HTTPStatus

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from urgentaction.core.enqueue import Task, enqueue
from urgentaction.letters.organisation import organisation
from urgentaction.supporters.sign_up import confirm, request_sign_up, unseal

from . import limiting
from .answering import page, secret
from .sign_up_form import TRAP, read_form, shown_form
from .wording import reader_language, words_in

#: Seconds, for whoever is told that too many came from their network.
RETRY_AFTER = 3600


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """The form; POST asks for a confirmation mail and says the same to everybody."""
    language = reader_language(request)
    if request.method != "POST":
        form = shown_form(request, language=language, values={}, faults=())
        return page(request, "public/sign_up.html", {"form": form}, language=language)
    if request.POST.get(TRAP):
        return _sent(request, language)
    if not limiting.may_send(request):
        response = page(request, "public/too_many.html", {}, language=language, status=HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(RETRY_AFTER)
        return response
    typed = {key: str(value) for key, value in request.POST.items()}
    asked, faults = read_form(typed, language=language)
    if asked is None:
        form = shown_form(request, language=language, values=typed, faults=faults)
        return page(
            request, "public/sign_up.html", {"form": form}, language=language, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    if limiting.may_be_mailed(asked.email):
        with transaction.atomic():
            request_sign_up(asked)
            enqueue(Task.SEND_CONFIRMATIONS)
    return _sent(request, language)


def _sent(request: HttpRequest, language: str) -> HttpResponse:
    words, ours = words_in(language).sign_up, organisation().view(language)
    context = {"no_mail": words.no_mail.replace("{email}", ours.email)}
    return page(request, "public/sign_up_sent.html", context, language=language)


@csrf_exempt  # the sealed token is the guard; the page sends no referrer, so browsers send no origin either
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows one button and changes nothing, because mail filters follow links; POST makes a supporter."""
    language = reader_language(request)
    asked = unseal(token)
    state = "void" if asked is None else "asks"
    if asked is not None and request.method == "POST":
        state = "done" if confirm(asked) is not None else "void"
    return secret(page(request, "public/confirm.html", {"state": state}, language=language))
