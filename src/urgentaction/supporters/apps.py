from django.apps import AppConfig


class SupportersConfig(AppConfig):
    name = "urgentaction.supporters"
    label = "supporters"
