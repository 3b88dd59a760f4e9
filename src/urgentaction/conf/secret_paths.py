"""Keeps the log free of addresses that open something: a link's token in a log is as good as the mail it came in.

Django logs the path of every request that is answered with an error. The link of an invitation is good until it is
used up, and a form with a mistake in it (422) does not use it up.
"""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"(/(?:console/join|sign-up/confirm|preferences|unsubscribe|m|media/fax)/)[^/\s?]+")


def without_tokens(text: str) -> str:
    """The same text, with `…` in place of what such addresses end in. Pure."""
    return _TOKEN.sub(r"\1…", text)


class WithoutTokens(logging.Filter):
    """For the loggers that write paths down. Lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the tokens out of it."""
        record.msg = without_tokens(str(record.msg))
        if isinstance(record.args, tuple):
            record.args = tuple(without_tokens(one) if isinstance(one, str) else one for one in record.args)
        return True
