from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "urgentaction.cases"
    label = "cases"
