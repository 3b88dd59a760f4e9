"""Changing a case by hand: consent, titles, texts; and taking one in from a file."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.cases import editing
from urgentaction.cases.archive import unpacked
from urgentaction.cases.importing import import_case
from urgentaction.cases.models import Case, Person
from urgentaction.cases.queries import case_called
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import problem_in_words
from urgentaction.console.responses import found_or_404, page
from urgentaction.console.vocabulary import reader_language
from urgentaction.core.errors import InvalidInput
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.letters.sections import parse_sections

from .editing_forms import ConsentForm, ImportForm, TextForm, TitlesForm
from .reading import SEALED, label_of


@require_safe
@may(Role.EDITOR)
def person_consent(request: HttpRequest, reference: str, key: str) -> HttpResponse:
    """What a person agreed to, to be changed."""
    case, person = _person(reference, key)
    return _consent(request, case, person, ConsentForm.of(person))


@require_POST
@may(Role.EDITOR)
def person_consent_save(request: HttpRequest, reference: str, key: str) -> HttpResponse:
    """Record it. What is being sent asks for consent anew, so less is shown from this moment on."""
    case, person = _person(reference, key)
    form = ConsentForm(request.POST)
    if form.is_valid():
        try:
            left = editing.change_consent(case, key, form.consent(person), by=acting(request))
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Recorded. It holds from this moment on."))
            for problem in left:
                messages.error(request, problem_in_words(problem))
            return redirect("console:case", reference=case.reference)
    return _consent(request, case, person, form)


@require_safe
@may(Role.EDITOR)
def case_texts(request: HttpRequest, reference: str) -> HttpResponse:
    """Titles, and which texts there are."""
    case = found_or_404(lambda: case_called(reference))
    return _titles(request, case, TitlesForm(case, list(LETTER_LANGUAGES)))


@require_POST
@may(Role.EDITOR)
def case_titles_save(request: HttpRequest, reference: str) -> HttpResponse:
    """Write the titles and "Re:" lines."""
    case = found_or_404(lambda: case_called(reference))
    form = TitlesForm(case, list(LETTER_LANGUAGES), request.POST)
    if form.is_valid():
        titles, subjects = form.texts("titles"), form.texts("subjects")
        try:
            editing.change_titles(case, titles=titles, subjects=subjects, by=acting(request))
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved. Letters already made stay as they are."))
            return redirect("console:case-texts", reference=case.reference)
    return _titles(request, case, form)


@require_safe
@may(Role.EDITOR)
def case_text(request: HttpRequest, reference: str, language: str) -> HttpResponse:
    """The case's text in one language, to be changed or begun."""
    case = _case_with(reference, language)
    text = case.texts.filter(language=language).values_list("markdown", flat=True).first() or ""
    return _text(request, case, language, TextForm(initial={"markdown": text, "before": text}))


@require_POST
@may(Role.EDITOR)
def case_text_save(request: HttpRequest, reference: str, language: str) -> HttpResponse:
    """Write it; with `check` among the values only look at it."""
    case = _case_with(reference, language)
    form = TextForm(request.POST)
    if not form.is_valid():
        return _text(request, case, language, form)
    text, before = form.cleaned_data["markdown"], form.cleaned_data["before"]
    try:
        if "check" in request.POST:
            editing.check_case_text(case, language, text, check_text=parse_sections)
            return _text(request, case, language, form, sections=dict(parse_sections(text)))
        editing.change_text(case, language, text, by=acting(request), before=before, check_text=parse_sections)
    except InvalidInput as refusal:
        form.refuse(refusal)
        return _text(request, case, language, form)
    messages.success(request, _("Saved. Letters already made stay as they are."))
    return redirect("console:case-texts", reference=case.reference)


@require_safe
@may(Role.EDITOR)
def case_import(request: HttpRequest) -> HttpResponse:
    """Where a case comes in."""
    return page(request, "console/cases/import.html", {"form": ImportForm(), "here": "cases"})


@require_POST
@may(Role.EDITOR)
def case_import_take(request: HttpRequest) -> HttpResponse:
    """Take in a case from its folder, or say line by line what is wrong with it."""
    form = ImportForm(request.POST, request.FILES)
    context = {"form": form, "here": "cases"}
    if not form.is_valid():
        return page(request, "console/cases/import.html", context, status=422)
    file = form.cleaned_data["file"]
    try:
        with unpacked(file, name=file.name) as folder:
            report = import_case(folder, by=acting(request), check_text=parse_sections)
    except InvalidInput as refusal:
        within = [problem for problem in refusal.problems if problem.field != "file"]
        form.refuse(InvalidInput([problem for problem in refusal.problems if problem.field == "file"]))
        return page(request, "console/cases/import.html", context | {"problems": within}, status=422)
    return page(request, "console/cases/import.html", context | {"report": report, "form": ImportForm()})


def _person(reference: str, key: str) -> tuple[Case, Person]:
    case = found_or_404(lambda: case_called(reference))
    person = case.persons.defer(*SEALED).filter(key=key).first()
    if person is None:
        raise Http404
    return case, person


def _case_with(reference: str, language: str) -> Case:
    if language not in LETTER_LANGUAGES:
        raise Http404
    return found_or_404(lambda: case_called(reference))


def _consent(request: HttpRequest, case: Case, person: Person, form: ConsentForm) -> HttpResponse:
    context = {"case": case, "person": person, "label": label_of(person, reader_language()), "form": form}
    return page(request, "console/cases/consent.html", {**context, "here": "cases"}, status=422 if form.errors else 200)


def _titles(request: HttpRequest, case: Case, form: TitlesForm) -> HttpResponse:
    written = set(case.texts.values_list("language", flat=True))
    languages = [(language, language in written) for language in LETTER_LANGUAGES]
    context = {"case": case, "form": form, "languages": languages, "here": "cases"}
    return page(request, "console/cases/texts.html", context, status=422 if form.errors else 200)


def _text(
    request: HttpRequest, case: Case, language: str, form: TextForm, *, sections: dict[str, str] | None = None
) -> HttpResponse:
    context = {"case": case, "language": language, "form": form, "sections": sections, "here": "cases"}
    return page(request, "console/cases/text.html", context, status=422 if form.errors else 200)
