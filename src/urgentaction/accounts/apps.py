from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "urgentaction.accounts"
    label = "accounts"
