"""Routes of supporters. No address ever stands in one: people are looked up by POST."""

from __future__ import annotations

from django.urls import path

from . import actions, pages, replies, suppression, tables

urlpatterns = [
    path("supporters/", pages.overview, name="supporters"),
    path("supporters/people/", pages.people, name="supporter-list"),
    path("supporters/people/find/", actions.find, name="supporter-find"),
    path("supporters/people/<uuid:supporter_id>/", pages.person, name="supporter"),
    path("supporters/people/<uuid:supporter_id>/unsubscribe/", actions.unsubscribe, name="supporter-unsubscribe"),
    path("supporters/people/<uuid:supporter_id>/suppress/", actions.suppress, name="supporter-suppress"),
    path("supporters/people/<uuid:supporter_id>/export/", actions.export, name="supporter-export"),
    path("supporters/people/<uuid:supporter_id>/erase/", actions.erase, name="supporter-erase"),
    path("supporters/tables/", tables.tables, name="supporter-tables"),
    path("supporters/tables/hand-in/", tables.hand_in, name="supporter-table-hand-in"),
    path("supporters/tables/<uuid:table_id>/", tables.table, name="supporter-table"),
    path("supporters/tables/<uuid:table_id>/live/", tables.table_live, name="supporter-table-live"),
    path("supporters/tables/<uuid:table_id>/take/", tables.take, name="supporter-table-take"),
    path("supporters/tables/<uuid:table_id>/drop/", tables.drop, name="supporter-table-drop"),
    path("supporters/suppression/", suppression.entries, name="suppression"),
    path("supporters/suppression/find/", suppression.find, name="suppression-find"),
    path("supporters/suppression/add/", suppression.add, name="suppression-add"),
    path("supporters/suppression/<uuid:entry_id>/", suppression.entry, name="suppression-entry"),
    path("supporters/suppression/<uuid:entry_id>/lift/", suppression.lift, name="suppression-lift"),
    path("supporters/replies/", replies.replies, name="replies"),
    path("supporters/replies/<uuid:task_id>/", replies.reply, name="reply"),
    path("supporters/replies/<uuid:task_id>/stop/", replies.take_for_stop, name="reply-stop"),
    path("supporters/replies/<uuid:task_id>/file/", replies.file_away, name="reply-file"),
]
