"""Urgent-action alerting: a case's status changes, letters go out, and every one is followed to its end.

ARCHITECTURE.md at the top of the project says which room owns what.
"""

__version__ = "0.1.0"
