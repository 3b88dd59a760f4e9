"""Routes of cases."""

from __future__ import annotations

from django.urls import path

from . import actions, editing, letter_preview, pages, publishing, updating

_CASE = "cases/<slug:reference>/"
urlpatterns = [
    path("cases/", pages.cases, name="cases"),
    path("cases/import/", editing.case_import, name="case-import"),
    path("cases/import/take/", editing.case_import_take, name="case-import-take"),
    path(_CASE, pages.case, name="case"),
    path(f"{_CASE}names/", actions.case_names, name="case-names"),
    path(f"{_CASE}dossier/", actions.case_dossier, name="case-dossier"),
    path(f"{_CASE}dossier/confidential/", actions.case_dossier_sealed, name="case-dossier-sealed"),
    path(f"{_CASE}update/", updating.update_new, name="update-new"),
    path(f"{_CASE}update/preview/", updating.update_preview, name="update-preview"),
    path(f"{_CASE}update/letter/", letter_preview.update_letter, name="update-letter"),
    path(f"{_CASE}update/record/", updating.update_record, name="update-record"),
    path(f"{_CASE}persons/<slug:key>/", editing.person_consent, name="person-consent"),
    path(f"{_CASE}persons/<slug:key>/save/", editing.person_consent_save, name="person-consent-save"),
    path(f"{_CASE}texts/", editing.case_texts, name="case-texts"),
    path(f"{_CASE}titles/", editing.case_titles_save, name="case-titles-save"),
    path(f"{_CASE}texts/<slug:language>/", editing.case_text, name="case-text"),
    path(f"{_CASE}texts/<slug:language>/save/", editing.case_text_save, name="case-text-save"),
    path(f"{_CASE}public/", publishing.publications, name="publications"),
    path(f"{_CASE}public/update/", publishing.tell_update, name="update-publish"),
    path(f"{_CASE}public/update/take-back/", publishing.untell_update, name="update-unpublish"),
    path(f"{_CASE}public/<uuid:alert_id>/", publishing.publish, name="publish"),
    path(f"{_CASE}public/<uuid:alert_id>/publish/", publishing.publish_do, name="publish-do"),
    path(f"{_CASE}public/<slug:slug>/withdraw/", publishing.unpublish, name="unpublish"),
]
