from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "urgentaction.api"
    label = "api"
