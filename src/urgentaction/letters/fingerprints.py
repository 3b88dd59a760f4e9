"""Fingerprints of letters and notices: equal where somebody who approved the one has approved the other.

A fingerprint covers every word that a reader gets. Left out is only what goes on by itself between approval and
freezing, because such a thing must never hold a letter back at night:

- the letter's date and the last day to act, which is counted from it: midnight may pass, hours go by in the hold;
- in a follow-up the list of copies: whom nothing reached drops out of it, and each copy has a fingerprint of its own.

Both the text to be sent and its fingerprint are rendered from the same context, so nothing can change between the two.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date

from urgentaction.alerts.agreed import Part
from urgentaction.directory.models import Official
from urgentaction.directory.queries import official_in

from .content import AlertView, CcEntry, LetterContext, NoticeContext, SmsContext
from .render import render_letter, render_notice, render_sms
from .source import TemplateSource

#: Stand for the letter's own date and the last day to act, whatever these are.
_DATED_ON, _DEADLINE = date(2000, 1, 1), date(2000, 1, 31)


def of_letter(
    source: TemplateSource,
    context: LetterContext,
    official: Official,
    *,
    copy_for: CcEntry | None,
    has_open_copies: bool,
) -> Part:
    """A letter's. Raises TemplateError where it can't be rendered.

    Args:
        official: whose letter or copy it is; who holds that office counts.
        has_open_copies: who gets copies is found out when it is frozen (a follow-up).
    """
    undated = replace(context, alert=_undated(context.alert), cc=() if has_open_copies else context.cc)
    made = render_letter(source, undated)
    copy = (copy_for.name, copy_for.office) if copy_for is not None else ()
    holder = official_in(official.office)
    return Part(
        text=_sha256(made.re_line, made.text, made.html, *copy),
        language=context.language,
        template=source.sha256,
        holder=str(holder.id) if holder is not None else "",
    )


def of_notice(source: TemplateSource, context: NoticeContext | SmsContext) -> Part:
    """A notice's, or a text message's. Raises TemplateError where it can't be rendered."""
    undated = replace(context, alert=_undated(context.alert))
    if isinstance(undated, SmsContext):
        text = _sha256(render_sms(source, undated))
    else:
        made = render_notice(source, undated)
        text = _sha256(made.subject, made.text, made.html)
    return Part(text=text, language=context.language, template=source.sha256)


def of_fault(told: str) -> Part:
    """Of what can't be made: mended, it is something else."""
    return Part(text=_sha256("fault", told))


def _undated(alert: AlertView) -> AlertView:
    return replace(alert, dated_on=_DATED_ON, deadline=_DEADLINE if alert.deadline else None)


def _sha256(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()
