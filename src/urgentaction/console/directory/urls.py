"""Routes of the directory."""

from __future__ import annotations

from django.urls import path

from . import actions, files, pages, points

urlpatterns = [
    path("directory/", pages.offices, name="directory"),
    path("directory/suggestions/", pages.suggestions, name="office-suggestions"),
    path("directory/export/", files.export, name="directory-export"),
    path("directory/import/", files.choose, name="directory-import"),
    path("directory/import/preview/", files.preview, name="directory-import-preview"),
    path("directory/import/apply/", files.apply, name="directory-import-apply"),
    path("directory/new/", pages.new_office, name="office-new"),
    path("directory/add/", actions.add_office, name="office-add"),
    path("directory/offices/<uuid:office_id>/", pages.office, name="office"),
    path("directory/offices/<uuid:office_id>/edit/", pages.edit_office, name="office-edit"),
    path("directory/offices/<uuid:office_id>/change/", actions.change_office, name="office-change"),
    path("directory/offices/<uuid:office_id>/holder/", pages.new_official, name="official-new"),
    path("directory/offices/<uuid:office_id>/install/", actions.install_official, name="official-install"),
    path("directory/officials/<uuid:official_id>/edit/", pages.edit_official, name="official-edit"),
    path("directory/officials/<uuid:official_id>/change/", actions.change_official, name="official-change"),
    path("directory/offices/<uuid:office_id>/contact-point/", points.new, name="contact-point-new"),
    path("directory/offices/<uuid:office_id>/contact-point/add/", points.add, name="contact-point-add"),
    path("directory/contact-points/<uuid:point_id>/", points.point, name="contact-point"),
    path("directory/contact-points/<uuid:point_id>/change/", points.change, name="contact-point-change"),
    path("directory/contact-points/<uuid:point_id>/check/", points.check, name="contact-point-check"),
    path("directory/contact-points/<uuid:point_id>/replace/", points.replace, name="contact-point-replace"),
    path("directory/contact-points/<uuid:point_id>/retire/", points.retire, name="contact-point-retire"),
]
