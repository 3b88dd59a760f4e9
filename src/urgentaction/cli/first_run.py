"""Loads the samples, as a program of its own (`python -m urgentaction.cli.first_run`).

For a stack whose database is new: the stack itself must not load Django.
"""

from __future__ import annotations

from urgentaction.cli.bootstrap import start_django
from urgentaction.cli.samples import load_samples

if __name__ == "__main__":
    start_django()
    load_samples()
