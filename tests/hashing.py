"""A password's hash as Django makes it, with one round instead of a million, which take a third of a second."""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class OneRound(PBKDF2PasswordHasher):
    iterations = 1
