from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "urgentaction.console"
    label = "console"
