"""Routes of templates and forms of address."""

from __future__ import annotations

from django.urls import path

from . import actions, editing, pages, previewing

_ONE = "templates/<slug:family>/<slug:kind>/<slug:language>/"
_VERSION = f"{_ONE}versions/<int:number>/"

urlpatterns = [
    path("templates/", pages.templates, name="templates"),
    path("templates/addressees/", previewing.addressees, name="template-addressees"),
    path("templates/forms-of-address/", pages.forms_of_address, name="forms-of-address"),
    path(_ONE, pages.template, name="template"),
    path(f"{_ONE}diff/", pages.diff, name="template-diff"),
    path(f"{_ONE}preview/", previewing.preview, name="template-preview"),
    path(f"{_ONE}put-back/", pages.put_back, name="template-put-back"),
    path(f"{_ONE}roll-back/", actions.roll_back, name="template-roll-back"),
    path(f"{_ONE}edit/", editing.edit, name="template-edit"),
    path(f"{_ONE}save/", editing.save, name="template-save"),
    path(f"{_ONE}check/", previewing.check, name="template-check"),
    path(f"{_ONE}try/", previewing.try_draft, name="template-try"),
    path(_VERSION, pages.version, name="template-version"),
    path(f"{_VERSION}submit/", actions.submit, name="template-submit"),
    path(f"{_VERSION}take-back/", actions.take_back, name="template-take-back"),
    path(f"{_VERSION}approve/", actions.approve, name="template-approve"),
    path(f"{_VERSION}reject/", actions.reject, name="template-reject"),
]
