from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    name = "urgentaction.deliveries"
    label = "deliveries"
