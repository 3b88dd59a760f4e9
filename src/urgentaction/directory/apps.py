from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "urgentaction.directory"
    label = "directory"
