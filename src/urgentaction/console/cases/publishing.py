"""Open letters of a case: what everybody may read, putting a letter there, and taking it away."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.alerts.queries import alert_called
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.queries import case_called
from urgentaction.console.forms import Refusable
from urgentaction.console.permissions import acting, is_at_least, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import attempt, found_or_404, page
from urgentaction.console.vocabulary import language_name, reader_language
from urgentaction.core.errors import InvalidInput, TemplateError
from urgentaction.letters.models import Publication, PublicUpdate
from urgentaction.letters.published import languages_of, letters_telling, standing_of
from urgentaction.letters.publishing import (
    Terms,
    publish_letter,
    publish_update,
    withdraw_publication,
    withdraw_update,
)
from urgentaction.letters.topics import REGIONS, Topic, region_name

from .reading import zone_of

MOST = 100
_TOPICS = {
    Topic.REFUGEES: gettext_lazy("refugees"),
    Topic.DEATH_PENALTY: gettext_lazy("death penalty"),
    Topic.DETENTION: gettext_lazy("detention"),
    Topic.DISAPPEARANCE: gettext_lazy("disappearance"),
    Topic.TORTURE: gettext_lazy("torture"),
    Topic.DEFENDERS: gettext_lazy("defenders of rights"),
    Topic.EXPRESSION: gettext_lazy("freedom of expression"),
    Topic.WOMEN: gettext_lazy("women"),
}


@dataclass(frozen=True, slots=True)
class PublicationLine:
    """An address under which a letter was, is or will be read."""

    row: Publication
    url: str
    languages: list[str]
    standing: str


class PublishForm(Refusable):
    """How a letter is to be published."""

    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None ticked: every language in which it can be written."),
    )
    topic = forms.ChoiceField(label=gettext_lazy("Topic"), required=False)
    region = forms.ChoiceField(label=gettext_lazy("Region"), required=False)
    embargo = forms.DateTimeField(
        label=gettext_lazy("Nobody sees it before"),
        required=False,
        help_text=gettext_lazy("In your time zone. Left empty: at once."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    corrects = forms.ChoiceField(
        label=gettext_lazy("It corrects"),
        required=False,
        help_text=gettext_lazy("A published letter of this case whose readers are sent to this one."),
    )
    correction = forms.CharField(
        label=gettext_lazy("What was wrong"),
        required=False,
        max_length=400,
        help_text=gettext_lazy("In English; readers see it."),
    )

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        written = case.texts.order_by("language").values_list("language", flat=True)
        nothing = ("", _("none"))
        regions = sorted(((code, region_name(code, reader_language())) for code in REGIONS), key=lambda pair: pair[1])
        slugs = Publication.objects.filter(alert__case=case).order_by("-published_at").values_list("slug", flat=True)
        choices: dict[str, list[tuple[str, Any]]] = {
            "languages": [(one, language_name(one)) for one in written],
            "topic": [nothing, *((one.value, words) for one, words in _TOPICS.items())],
            "region": [nothing, *regions],
            "corrects": [nothing, *((slug, slug) for slug in slugs[:MOST])],
        }
        for name, pairs in choices.items():
            self.fields[name].choices = pairs  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Which letter and what was wrong belong together."""
        given = super().clean() or self.cleaned_data
        if bool(given.get("corrects")) != bool(given.get("correction")):
            self.add_error("correction", _("Say both: which letter, and what was wrong with it."))
        return given

    def terms(self) -> Terms:
        """As `publish_letter` takes them. Only after `is_valid`."""
        given = self.cleaned_data
        return Terms(
            languages=tuple(given["languages"]),
            topic=Topic(given["topic"]) if given["topic"] else None,
            region=given["region"],
            embargo_until=given["embargo"],
            corrects=given["corrects"],
            correction={"en": given["correction"]} if given["correction"] else {},
        )


@require_safe
@may(Role.VIEWER)
def publications(request: HttpRequest, reference: str) -> HttpResponse:
    """What is, was and could be public of a case."""
    case = found_or_404(lambda: case_called(reference))
    rows = Publication.objects.filter(alert__case=case).select_related("alert__case", "corrects")
    lines = [_line(row) for row in rows.order_by("-published_at")[:MOST]]
    latest = case.updates.defer("note").order_by("-recorded_at").first()
    context = {
        "case": case,
        "zone": zone_of(case),
        "lines": lines,
        "names": names_of(line.row.published_by for line in lines),
        "alerts": case.alerts.filter(frozen_at__isnull=False, letters__isnull=False).distinct().order_by("-created_at"),
        "latest": latest,
        "is_told": latest is not None and PublicUpdate.objects.filter(update=latest).exists(),
        "telling": letters_telling(latest) if latest is not None else [],
        "may_edit": is_at_least(request.user, Role.EDITOR),
        "may_approve": is_at_least(request.user, Role.APPROVER),
        "here": "cases",
    }
    return page(request, "console/cases/publications.html", context)


@require_safe
@may(Role.APPROVER)
def publish(request: HttpRequest, reference: str, alert_id: uuid.UUID) -> HttpResponse:
    """How to publish an alert's letter."""
    alert = _alert(reference, alert_id)
    return _ask(request, alert, PublishForm(alert.case))


@require_POST
@may(Role.APPROVER)
def publish_do(request: HttpRequest, reference: str, alert_id: uuid.UUID) -> HttpResponse:
    """Publish it."""
    alert = _alert(reference, alert_id)
    form = PublishForm(alert.case, request.POST)
    if form.is_valid() and attempt(request, lambda: _published(alert, form.terms(), by=acting(request))):
        return redirect("console:publications", reference=alert.case.reference)
    return _ask(request, alert, form)


@require_POST
@may(Role.EDITOR)
def unpublish(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """Take a letter away, at once and for good."""
    case = found_or_404(lambda: case_called(reference))
    if not Publication.objects.filter(slug=slug, alert__case=case).exists():
        raise Http404

    def deed() -> str:
        withdraw_publication(slug, why=request.POST.get("why", ""), by=acting(request))
        return _("Taken away. Its address says that it is gone.")

    attempt(request, deed)
    return redirect("console:publications", reference=case.reference)


@require_POST
@may(Role.APPROVER)
def tell_update(request: HttpRequest, reference: str) -> HttpResponse:
    """Let everybody know of the latest update."""

    def deed(update: StatusUpdate) -> str:
        publish_update(update, by=acting(request))
        return _("Everybody may know of it now.")

    return _about_latest(request, reference, deed)


@require_POST
@may(Role.EDITOR)
def untell_update(request: HttpRequest, reference: str) -> HttpResponse:
    """Take that back."""

    def deed(update: StatusUpdate) -> str:
        withdraw_update(update, by=acting(request))
        if telling := [row.slug for row in letters_telling(update)]:
            return _("Taken back, but these letters still tell it: %(letters)s.") % {"letters": ", ".join(telling)}
        return _("Taken back. It is shown to nobody any more.")

    return _about_latest(request, reference, deed)


def _about_latest(request: HttpRequest, reference: str, deed: Callable[[StatusUpdate], str]) -> HttpResponse:
    """Do it to the update that the page showed; if there is a newer one by now, nothing is done."""
    case = found_or_404(lambda: case_called(reference))
    update = case.updates.defer("note").order_by("-recorded_at").first()

    def checked() -> str:
        if update is None or str(update.id) != request.POST.get("update"):
            raise InvalidInput.of("update", _("there is a newer update by now; look at it first"))
        return deed(update)

    attempt(request, checked)
    return redirect("console:publications", reference=case.reference)


def _published(alert: Alert, terms: Terms, *, by: str) -> str:
    try:
        made = publish_letter(alert, terms, by=by)
    except TemplateError as error:
        raise InvalidInput.of("", str(error)) from error
    return _("Published: %(address)s") % {"address": _address(made)}


def _line(row: Publication) -> PublicationLine:
    return PublicationLine(row, _address(row), languages_of(row), standing_of(row).value)


def _address(row: Publication) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/letters/{row.slug}/"


def _alert(reference: str, alert_id: uuid.UUID) -> Alert:
    case = found_or_404(lambda: case_called(reference))
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    if alert.case_id != case.id:
        raise Http404
    return alert


def _ask(request: HttpRequest, alert: Alert, form: PublishForm) -> HttpResponse:
    context = {"case": alert.case, "alert": alert, "form": form, "here": "cases"}
    return page(request, "console/cases/publish.html", context, status=422 if form.errors else 200)
