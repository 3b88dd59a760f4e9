from importlib import import_module

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "urgentaction.console"
    label = "console"

    def ready(self) -> None:
        import_module("urgentaction.console.people.auditing")  # it listens to allauth
