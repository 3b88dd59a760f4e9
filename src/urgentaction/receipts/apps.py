from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    name = "urgentaction.receipts"
    label = "receipts"
