"""A letter or notice as it would be if an update were recorded: in every form, kept nowhere.

Asked for by POST, because what somebody typed (a place, say) belongs into no address.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction import pipeline
from urgentaction.accounts.models import Role
from urgentaction.cases.models import Case
from urgentaction.cases.queries import case_called
from urgentaction.console.documents import alone, pdf_to_read
from urgentaction.console.permissions import may
from urgentaction.console.phrasing import refusal_in_words
from urgentaction.console.responses import found_or_404, page
from urgentaction.core.errors import InvalidInput, NotFound, TemplateError
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.letters import preview
from urgentaction.letters.preview import Form, Wish
from urgentaction.tracking.forecast import wish_for

from .forms import UpdateForm


@dataclass(frozen=True, slots=True)
class _Which:
    """Which one, in which form: the value of the button that asked for it, `kind|language|form|official`."""

    kind: str
    language: str
    form: Form
    to: str = ""

    @classmethod
    def read(cls, text: str) -> _Which:
        """Raises NotFound for a value that none of our buttons has."""
        kind, language, form, to = (*text.split("|"), "", "", "", "")[:4]
        if language not in LETTER_LANGUAGES or form not in set(Form):
            raise NotFound.of("which", "there is no such letter")
        preview.families_of(kind)
        return cls(kind, language, Form(form), to)


@require_POST
@may(Role.EDITOR)
def update_letter(request: HttpRequest, reference: str) -> HttpResponse:
    """One letter or notice of what would follow; `which` says which and in which form. Writes nothing."""
    case = found_or_404(lambda: case_called(reference))
    which = found_or_404(lambda: _Which.read(request.POST.get("which", "")))
    form = UpdateForm(case, request.POST)
    if not form.is_valid():
        return _refused(request, case, _("The update can’t be used as it is; go back and correct it."))
    told = form.told()
    try:
        decision = pipeline.dry_run(reference, told)[1]
        wish = wish_for(told, decision, kind=which.kind, language=which.language)
        return _shown(request, case, replace(wish, to=which.to, dated_on=form.letters_dated_on()), which.form)
    except (InvalidInput, TemplateError) as refusal:
        return _refused(request, case, refusal_in_words(refusal))


def _shown(request: HttpRequest, case: Case, wish: Wish, form: Form) -> HttpResponse:
    if form is Form.SMS:
        message = preview.sms(case, wish)
        return _text(request, case, wish, message.text, encoding=message.encoding.value, segments=message.segments)
    if not preview.is_letter(wish.kind) or not (wish.to or form in (Form.PDF, Form.FAX)):
        notice = preview.notice(case, wish)
        return (
            alone(HttpResponse(notice.html))
            if form is Form.HTML
            else _text(request, case, wish, notice.text, notice.subject)
        )
    letter = preview.letter(case, wish)
    if form is Form.PDF:
        return _pdf(letter.pdf(), case, wish, form)
    if form is Form.FAX:
        return _pdf(letter.fax_pdf(), case, wish, form)
    if form is Form.HTML:
        return alone(HttpResponse(letter.rendered.html))
    return _text(request, case, wish, letter.rendered.text, letter.rendered.re_line, notes=letter.notes)


def _pdf(content: bytes, case: Case, wish: Wish, form: Form) -> HttpResponse:
    name = f"{case.reference}-preview-{wish.kind}-{wish.language}-{form.value}.pdf"
    return pdf_to_read(content, name)


def _text(
    request: HttpRequest,
    case: Case,
    wish: Wish,
    text: str,
    subject: str = "",
    *,
    encoding: str = "",
    segments: int = 0,
    notes: tuple[str, ...] = (),
) -> HttpResponse:
    context = {"case": case, "wish": wish, "text": text, "subject": subject, "notes": notes, "here": "cases"}
    context |= {"encoding": encoding, "segments": segments}
    return page(request, "console/cases/letter.html", context)


def _refused(request: HttpRequest, case: Case, why: str) -> HttpResponse:
    return page(request, "console/cases/letter.html", {"case": case, "fault": why, "here": "cases"}, status=422)
