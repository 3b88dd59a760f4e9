"""Routes of deliveries, tasks and incidents."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import actions, pages, tracking

urlpatterns: list[URLPattern] = [
    path("alerts/<uuid:alert_id>/tracking/", tracking.alert_tracking, name="alert-tracking"),
    path("alerts/<uuid:alert_id>/tracking/live/", tracking.alert_tracking_live, name="alert-tracking-live"),
    path("alerts/<uuid:alert_id>/deliveries/", tracking.alert_deliveries, name="alert-deliveries"),
    path("alerts/<uuid:alert_id>/deliveries.csv", tracking.deliveries_csv, name="deliveries-csv"),
    path("deliveries/<int:delivery_id>/", pages.delivery, name="delivery"),
    path("deliveries/<int:delivery_id>/live/", pages.delivery_live, name="delivery-live"),
    path("deliveries/<int:delivery_id>/try-now/", actions.try_now, name="delivery-try-now"),
    path("deliveries/<int:delivery_id>/withdraw/", actions.withdraw, name="delivery-withdraw"),
    path("deliveries/<int:delivery_id>/settle/", actions.settle, name="delivery-settle"),
    path("deliveries/<int:delivery_id>/send-again/", actions.send_again, name="delivery-send-again"),
    path("receipts/<uuid:receipt_id>/raw/", actions.receipt_raw, name="receipt-raw"),
    path("unknowns/", pages.unknowns, name="unknowns"),
    path("tasks/", pages.tasks, name="tasks"),
    path("tasks/<uuid:task_id>/", pages.task, name="task"),
    path("tasks/<uuid:task_id>/take/", actions.take_task, name="task-take"),
    path("tasks/<uuid:task_id>/give-back/", actions.give_back_task, name="task-give-back"),
    path("tasks/<uuid:task_id>/close/", actions.close_task, name="task-close"),
    path("incidents/", pages.incidents, name="incidents"),
    path("incidents/<uuid:incident_id>/", pages.incident, name="incident"),
    path("incidents/<uuid:incident_id>/acknowledge/", actions.acknowledge, name="incident-acknowledge"),
]
