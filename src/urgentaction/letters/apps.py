from django.apps import AppConfig


class LettersConfig(AppConfig):
    name = "urgentaction.letters"
    label = "letters"
