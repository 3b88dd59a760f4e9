from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "urgentaction.incidents"
    label = "incidents"
