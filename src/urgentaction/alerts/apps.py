from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "urgentaction.alerts"
    label = "alerts"
