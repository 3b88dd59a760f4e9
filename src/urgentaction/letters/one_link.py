"""Mails of a few lines around one link, to somebody who may never have heard of us. Plain text, nobody's name. Pure.

What they say stands in `confirmation` and `invitation`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .lines import wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMail:
    """Subject and text."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWords:
    """What one says in one language. `{organisation}` stands for our name, `{until}` for when the link ends."""

    subject: str
    asked: str
    press: str
    otherwise: str


def link_mail(words: LinkWords, *, organisation: str, link: str, until: str = "") -> LinkMail:
    """The mail: what it is about, the link on a line of its own, what to do if one did not ask for it, our name."""
    asked = wrap(words.asked.replace("{organisation}", organisation))
    parts = (asked, wrap(words.press.replace("{until}", until)), link, wrap(words.otherwise), organisation)
    return LinkMail(subject=words.subject, text="\n\n".join(parts) + "\n")
