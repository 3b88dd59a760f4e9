from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "urgentaction.core"
    label = "core"
