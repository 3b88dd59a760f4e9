"""What staff may do with a delivery, a task or an incident. Each action is one service call, one message, and back."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import in_words, refusal_in_words
from urgentaction.console.responses import attempt, found_or_404, page, there_or_404
from urgentaction.core.errors import InvalidInput, NotAllowed, NotFound
from urgentaction.deliveries import service
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.incidents.service import acknowledge_incident
from urgentaction.receipts.opening import open_raw

from . import pages, reading
from .forms import AgainForm, ReasonForm, ResultForm, SettleForm


@require_POST
@may(Role.EDITOR)
def try_now(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """End its wait."""
    there_or_404(Delivery.objects.filter(id=delivery_id))

    def deed() -> str:
        service.try_now(delivery_id, by=acting(request))
        return _("It is tried as soon as a worker and a gateway are free.")

    attempt(request, deed)
    return redirect("console:delivery", delivery_id=delivery_id)


@require_POST
@may(Role.EDITOR)
def withdraw(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Stop this one."""
    there_or_404(Delivery.objects.filter(id=delivery_id))
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return pages.delivery_page(request, delivery_id, withdraw_form=form)

    def deed() -> str:
        service.withdraw_delivery(delivery_id, by=acting(request), why=form.cleaned_data["reason"])
        return _("Withdrawn. This one will not be sent; the rest of its alert goes on.")

    attempt(request, deed)
    return redirect("console:delivery", delivery_id=delivery_id)


@require_POST
@may(Role.EDITOR)
def settle(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Say what became of an unknown."""
    there_or_404(Delivery.objects.filter(id=delivery_id))
    form = SettleForm(request.POST)
    if not form.is_valid():
        return pages.delivery_page(request, delivery_id, settle_form=form)
    arrived = form.cleaned_data["arrived"]

    def deed() -> str:
        service.settle_unknown(delivery_id, arrived=arrived, by=acting(request), why=form.cleaned_data["reason"])
        if arrived:
            return _("Recorded: it arrived. Nothing more is sent in its place.")
        return _("Recorded: it did not arrive. The next contact point is tried, or a task is made.")

    attempt(request, deed)
    return redirect("console:delivery", delivery_id=delivery_id)


@require_POST
@may(Role.APPROVER)
def send_again(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Have it sent there once more, as a delivery of its own."""
    there_or_404(Delivery.objects.filter(id=delivery_id))
    form = AgainForm(request.POST)
    if not form.is_valid():
        return pages.delivery_page(request, delivery_id, again_form=form)
    try:
        made = service.send_again(delivery_id, by=acting(request), why=form.cleaned_data["reason"])
    except (InvalidInput, NotAllowed, NotFound) as refusal:
        messages.error(request, refusal_in_words(refusal))
        return redirect("console:delivery", delivery_id=delivery_id)
    messages.success(request, _("It is sent again as delivery %(id)s, which you see here.") % {"id": made.id})
    return redirect("console:delivery", delivery_id=made.id)


@require_POST
@may(Role.APPROVER)
def receipt_raw(request: HttpRequest, receipt_id: uuid.UUID) -> HttpResponse:
    """What a gateway sent, as it came. It is a POST because looking is written down."""
    try:
        receipt = found_or_404(lambda: open_raw(receipt_id, by=acting(request)))
    except NotAllowed as refusal:
        messages.error(request, refusal_in_words(refusal))
        return redirect("console:now")
    return page(request, "console/deliveries/receipt_raw.html", {"receipt": receipt, "here": "alerts"})


@require_POST
@may(Role.EDITOR)
def take_task(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """I do it."""
    there_or_404(HumanTask.objects.filter(id=task_id))

    def deed() -> str:
        service.take_task(task_id, by=acting(request))
        return _("It is yours. Give it back if you can't do it after all.")

    attempt(request, deed)
    return redirect("console:task", task_id=task_id)


@require_POST
@may(Role.EDITOR)
def give_back_task(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """Somebody else has to do it."""
    there_or_404(HumanTask.objects.filter(id=task_id))

    def deed() -> str:
        service.give_back_task(task_id, by=acting(request))
        return _("Given back. Anybody can take it now.")

    attempt(request, deed)
    return redirect("console:task", task_id=task_id)


@require_POST
@may(Role.EDITOR)
def close_task(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """It is done, with this result."""
    there_or_404(HumanTask.objects.filter(id=task_id))
    form = ResultForm(request.POST)
    if not form.is_valid():
        return pages.task_page(request, task_id, form=form)

    def deed() -> str:
        closed = service.close_task(task_id, by=acting(request), result=form.cleaned_data["result"])
        return _("Done: %(title)s") % {"title": in_words(closed.title)}

    is_done = attempt(request, deed)
    return redirect("console:tasks") if is_done else redirect("console:task", task_id=task_id)


@require_POST
@may(Role.EDITOR)
def acknowledge(request: HttpRequest, incident_id: uuid.UUID) -> HttpResponse:
    """I take care of it."""
    found = found_or_404(lambda: reading.incident_numbered(incident_id))

    def deed() -> str:
        acknowledge_incident(found.id.hex, by=acting(request))
        return _("You take care of it: nobody is reminded any more. Its end is still told.")

    attempt(request, deed)
    return redirect("console:incident", incident_id=found.id)
