"""A text that nobody has approved yet, shown as it would be sent for a case as it stands, or for an invented one.

The same contexts and the same consent as `preview`; but the text is rendered in a confined process (`trial`), because
whoever wrote it could be anybody. Must not write to the database or send anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from urgentaction.cases.models import Case
from urgentaction.core.errors import InvalidInput

from . import preview, specimens
from .consent import guard_of
from .content import Audience, LetterContext
from .organisation import organisation
from .personal import SMS_LINK
from .preview import Form, Wish
from .render import RenderedNotice
from .source import Family, TemplateSource
from .trial import Trial, Tried, try_confined
from .versions import TemplateName

#: What a template of a family can be made into; the first is what is shown where nobody chose.
FORMS: dict[Family, tuple[Form, ...]] = {
    Family.LETTERS: (Form.HTML, Form.TEXT, Form.PDF, Form.FAX),
    Family.NOTICES: (Form.HTML, Form.TEXT),
    Family.SMS: (Form.SMS,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One form of what a text makes.

    Attributes:
        html: a whole document of its own, already cleaned; for `Form.HTML` alone.
        pages: PNG files, for `Form.PDF` and `Form.FAX`.
        sms: for `Form.SMS`.
        notes: what a reader should know about what they see.
    """

    form: Form
    subject: str = ""
    text: str = ""
    html: str = ""
    pages: tuple[bytes, ...] = ()
    sms: preview.Sms | None = None
    notes: tuple[str, ...] = ()


def try_text(name: TemplateName, text: str, *, form: Form, case: Case | None, wish: Wish) -> Shown:
    """Render `text` as if it were in force.

    Args:
        case: None for an invented one.
        wish: of it, `kind` and `language` are those of the template; the rest counts only with a case.

    Raises:
        InvalidInput: this family has no such form.
        NotFound: the case has nobody to write to, or not the one asked for.
        TemplateError: it can't be rendered; `confined.Stopped` where it took too much, `ConsentError` where it names
            somebody who did not agree to that, `MissingTranslation` where the case has no text in this language.
    """
    if form not in FORMS[name.family]:
        raise InvalidInput.of("form", f"{name.family} have no {form}; there are: {', '.join(FORMS[name.family])}")
    source = TemplateSource("as you wrote it", name.language, text)
    show = {Family.LETTERS: _letter, Family.NOTICES: _notice, Family.SMS: _sms}[name.family]
    return show(_Order(name, source, form, case, wish))


@dataclass(frozen=True, slots=True)
class _Order:
    name: TemplateName
    source: TemplateSource
    form: Form
    case: Case | None
    wish: Wish

    def tried(self, **known: object) -> Tried:
        trial = Trial(
            family=self.name.family,
            kind=self.name.kind,
            source=self.source,
            organisation=organisation().view(self.name.language),
            pages=self.form.value if self.form in (Form.PDF, Form.FAX) else "",
            **known,  # type: ignore[arg-type]
        )
        return try_confined(trial, templates=settings.SHIPPED_TEMPLATES)

    def supposed(self) -> tuple[str, ...]:
        """What was supposed about the case, for the reader."""
        status = preview.status_for(self.case, self.wish) if self.case else None
        return (f"the case has no status yet; shown as if it were {status.value.replace('_', ' ')}",) if status else ()


def _letter(order: _Order) -> Shown:
    if order.case is None:
        return _as_shown(order, order.tried(fax_number=specimens.ORGANISATION.fax))
    prepared = preview.prepared_letter(order.case, order.wish)
    context: LetterContext = prepared.context
    made = order.tried(context=context, copy_for=prepared.copy_for, fax_number=prepared.fax_number)
    preview.check_letter(order.case, context.audience, re_line=made.subject, text=made.text, html=made.html)
    return _as_shown(order, made, *order.supposed(), *prepared.notes)


def _notice(order: _Order) -> Shown:
    context = preview.prepared_notice(order.case, order.wish) if order.case else None
    made = order.tried(context=context)
    notice = RenderedNotice(language=order.name.language, subject=made.subject, text=made.text, html=made.html)
    if order.case is not None:
        preview.check_notice(order.case, order.wish, notice)
    notice = preview.filled(notice)
    return _as_shown(order, Tried(subject=notice.subject, text=notice.text, html=notice.html), *order.supposed())


def _sms(order: _Order) -> Shown:
    context = preview.prepared_sms(order.case, order.wish) if order.case else None
    made = order.tried(context=context)
    if order.case is not None:
        guard_of(order.case).check({"text message": made.text})
    sms = preview.linked(made.text.replace(specimens.SMS_LINK, SMS_LINK))
    return Shown(form=order.form, text=sms.text, sms=sms, notes=order.supposed())


def _as_shown(order: _Order, made: Tried, *notes: str) -> Shown:
    return Shown(
        form=order.form,
        subject=made.subject,
        text=made.text,
        html=made.html if order.form is Form.HTML else "",
        pages=made.pages,
        notes=notes,
    )


def audience_of(family: Family) -> Audience:
    """Whose consent applies where nobody chose."""
    return Audience.GOVERNMENT if family is Family.LETTERS else Audience.SUPPORTER
