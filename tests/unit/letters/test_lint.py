"""What an author is told about a template before it is saved, and that nothing is said about good ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.letters.contexts import TEMPLATES
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.letters import specimens
from urgentaction.letters.content import Organisation
from urgentaction.letters.examination import Draft, examine, typesetter_for
from urgentaction.letters.lint import (
    Finding,
    Severity,
    sms_findings,
    subject_findings,
    text_findings,
    translation_findings,
)
from urgentaction.letters.source import Family, load_shipped, shipped_kinds, shipped_languages

SHIPPED = [
    (family, kind, language)
    for family in Family
    for kind in shipped_kinds(family, root=TEMPLATES)
    for language in shipped_languages(family, kind, root=TEMPLATES)
]
UNSUBSCRIBE = "{{ unsubscribe_url | link }}"


def draft(family: Family, body: str, *, front: str = "Nine refugees", language: str = "en") -> Draft:
    fronts = {
        Family.LETTERS: f'+++\nre = "{front}"\nclosing = "Yours"\n+++\n',
        Family.NOTICES: f'+++\nsubject = "{front}"\n+++\n',
        Family.SMS: "",
    }
    return Draft(
        family=family,
        kind="first_appeal",
        language=language,
        text=fronts[family] + body,
        vocabulary={
            "update.status": tuple(one.value for one in Status),
            "update.confidence": tuple(one.value for one in Confidence),
        },
        known_sections=frozenset({"latest", "request", "demands", "who"}),
        for_governments=frozenset({"request", "demands"}),
    )


def told(given_draft: Draft, severity: Severity = Severity.ERROR) -> list[str]:
    return [str(one) for one in examine(given_draft) if one.severity is severity]


@pytest.mark.parametrize(("family", "kind", "language"), SHIPPED)
def test_the_shipped_library_has_no_errors(family: Family, kind: str, language: str) -> None:
    text = load_shipped(family, kind, language, root=TEMPLATES).text
    found = examine(replace(draft(family, "", language=language), kind=kind, text=text, known_sections=frozenset()))
    assert [str(one) for one in found] == []


# Fields.


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{{ case.tile }}", "line 5: 'tile' is no field of case; did you mean 'title'?"),
        ("{{ cases.title }}", "'cases' is not defined; did you mean 'case'?"),
        ("a\n{% if false %}\n{{ case.tile }}\n{% endif %}", "line 7: 'tile' is no field of case"),
        ("{% if alert.level == 9 %}{% else %}{{ nothing }}{% endif %}", "'nothing' is not defined"),
        ("{% for one in cc %}{{ one.nane }}{% endfor %}", "'nane' is no field of cc[]; did you mean 'name'?"),
        ("{% for one in cc %}{% else %}{{ one.name }}{% endfor %}", "'one' is not defined"),
        ("{% for one in case.title %}{% endfor %}", "case.title is text, nothing to loop over"),
        ("{% for a, b in cc %}{% endfor %}", "takes entries of a list apart"),
        ("{{ loop.first }}", "'loop' is not defined"),
        ("{{ case }}", "case can't be printed; print one of its fields"),
        ("{{ persons }}", "persons is a list; loop over it"),
        ("{{ persons.name }}", "'name' is no field of persons, which has no fields"),
        ("{{ alert.dated_on }}", "alert.dated_on is a day; write it as {{ alert.dated_on | day }}"),
        ("{{ case.title | day }}", "`day` writes days, and case.title is text"),
        ("{{ alert.dated_on | upper }}", "`upper` takes a text, and alert.dated_on is day"),
        ("{{ alert.deadline | day }}", "alert.deadline may be none here; ask first"),
        ("{% if alert.deadline is none %}{{ alert.deadline | day }}{% endif %}", "may be none here"),
        ("{% if alert.deadline is not none or 1 %}{{ alert.deadline | day }}{% endif %}", "may be none here"),
        ("{{ 'x' if alert.level == 1 }}", "says nothing for the other case; add: else ''"),
        ("{% if update.status == 'excuted' %}x{% endif %}", "never 'excuted'; did you mean 'executed'?"),
        ("{% if update.status in ('died', 'dead') %}x{% endif %}", "update.status is never 'dead'"),
        ("{{ unsubscribe_url }}", "'unsubscribe_url' is not defined"),
        ("{{ case.title|attr('x') }}", "uses the filter 'attr'"),
        ("{% if", "line 5: can't be read"),
    ],
)
def test_what_a_letter_can_not_read_is_told(body: str, message: str) -> None:
    assert any(message in one for one in told(draft(Family.LETTERS, body))), told(draft(Family.LETTERS, body))


@pytest.mark.parametrize(
    "body",
    [
        "{% if alert.deadline is not none %}{{ alert.deadline | day }}{% endif %}",
        "{% if alert.deadline is none %}x{% else %}{{ alert.deadline | day }}{% endif %}",
        "{% if alert.level == 1 and alert.deadline is not none %}{{ alert.deadline | day }}{% endif %}",
        "{% if alert.deadline is none or alert.level == 1 %}x{% else %}{{ alert.deadline | day }}{% endif %}",
        "{% if alert.deadline %}{{ alert.deadline | day }}{% endif %}",
        "{{ alert.deadline | day if alert.deadline is not none else 'soon' }}",
        "{% for one in cc if one.name %}{{ loop.index }}. {{ one.office }}{% endfor %}",
        "{% for one in cc %}{% if not loop.last %};{% endif %}{% endfor %}",
        "{% for line in addressee.postal_address %}{{ line }} {% endfor %}",
        "{% if case.texts.who is defined %}{{ case.texts.who }}{% endif %}",
        "{{ organisation.website | link if organisation.website else '' }}",
        "{{ case.countries.origin | particle('은/는') }} {{ case.group_size }}",
    ],
)
def test_what_holds_on_every_path_is_let_through(body: str) -> None:
    assert told(draft(Family.LETTERS, body)) == []


def test_an_unfamiliar_section_is_a_warning() -> None:
    (warning,) = told(draft(Family.LETTERS, "{{ case.texts.demand }}"), Severity.WARNING)
    assert warning.startswith("line 5: reads case.texts.demand, which no other template does")


# Consent.


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("{{ case.title }}", "use case.public_title"),
        ("{{ case.texts.latest }}", "may name people"),
        ("{% for one in persons %}{{ one.name }}{% endfor %}", "names and descriptions of people don't belong"),
        ("{% if case.group_size == 1 %}{{ case.title }}{% endif %}", "use case.public_title"),
    ],
)
@pytest.mark.parametrize(("family", "body"), [(Family.LETTERS, "Hello"), (Family.NOTICES, UNSUBSCRIBE)])
def test_a_subject_reads_nothing_that_could_name_somebody(family: Family, body: str, front: str, message: str) -> None:
    found = told(draft(family, body, front=front))
    assert found
    assert all(one.startswith("line 2: ") for one in found)
    assert any(message in one for one in found)


def test_a_subject_does_not_say_who_reads_it() -> None:
    found = told(draft(Family.NOTICES, UNSUBSCRIBE, front="{{ supporter_name }}"))
    assert found == [
        "line 2: 'subject' reads supporter_name: a subject is the same for everybody, and must not say who reads it"
    ]


def test_a_place_in_a_subject_is_a_warning() -> None:
    found = told(draft(Family.LETTERS, "Hello", front="{{ update.place }} x"), Severity.WARNING)
    assert any("the place may tell who it is about" in one for one in found)


def test_a_text_message_can_not_read_a_case() -> None:
    for field in ("case.title", "persons", "update.place"):
        (found,) = told(draft(Family.SMS, f"{{{{ link }}}} {{{{ {field} }}}}"))
        assert "is not defined" in found


def test_what_is_written_for_governments_is_pointed_out_in_a_notice() -> None:
    body = "{{ case.texts.request }} " + UNSUBSCRIBE
    (warning,) = told(draft(Family.NOTICES, body), Severity.WARNING)
    assert "written for a government" in warning
    assert told(draft(Family.LETTERS, "{{ case.texts.request }}"), Severity.WARNING) == []


@pytest.mark.parametrize("body", ["Hello", "{% if unsubscribe_url is defined %}x{% endif %}"])
def test_a_notice_without_its_unsubscribe_link_is_refused(body: str) -> None:
    assert any("the unsubscribe link is missing" in one for one in told(draft(Family.NOTICES, body)))


def test_an_unsubscribe_link_in_one_branch_only_is_found_by_a_trial() -> None:
    body = "{% if alert.deadline is not none %}" + UNSUBSCRIBE + "{% endif %}"
    (found,) = told(draft(Family.NOTICES, body))
    assert found.startswith("the unsubscribe link is missing")
    assert found.endswith("(without a deadline, as the first letter, for one person, at a lower level, "
                          "without the texts that may be missing, without persons and copies)")  # fmt: skip


# Text.


@pytest.mark.parametrize(
    ("line", "severity", "message", "column"),
    [
        ("see http://a.example/x now", Severity.ERROR, "http://a.example/x isn't encrypted", 5),
        ("[a](HTTP://a.example)", Severity.ERROR, "isn't encrypted", 5),
        ("see www.a.example.", Severity.WARNING, "write <https://www.a.example>", 5),
        ("[a](javascript:x)", Severity.ERROR, "'javascript:x' would be left out", 3),
        ("[a](/page)", Severity.ERROR, "'/page' would be left out", 3),
        ("![a](https://a.example/x.png)", Severity.ERROR, "pictures aren't shown", 1),
        ("a <b>c</b>", Severity.WARNING, "HTML has no effect", 3),
        ("a\u202eb", Severity.ERROR, "invisible character U+202E", 2),
        ("a\x00b", Severity.ERROR, "invisible character U+0000", 2),
        ("\ufeffa", Severity.ERROR, "invisible character U+FEFF", 1),
    ],
)
def test_a_line_is_read_with_its_place(line: str, severity: Severity, message: str, column: int) -> None:
    found = list(text_findings(f"first\n{line}"))
    assert (found[0].severity, found[0].line, found[0].column) == (severity, 2, column)
    assert message in found[0].message


@pytest.mark.parametrize(
    "line",
    [
        "<https://a.example>",
        "[a](https://a.example)",
        "[a](mailto:a@a.example)",
        "[a]({{ action_url }})",
        "2 < 3 > 1",
        "a\tb",
    ],
)
def test_ordinary_lines_are_let_through(line: str) -> None:
    assert list(text_findings(line)) == []


@given(st.text(max_size=200))
def test_any_text_can_be_examined(text: str) -> None:
    found = examine(draft(Family.LETTERS, text))
    assert all(one.message and one.line >= 0 for one in found)


def test_missing_translations_are_named() -> None:
    (found,) = translation_findings("en", there=("en", "ko"), everywhere=("ar", "en", "fr", "ko"))
    assert found.severity is Severity.WARNING
    assert found.message.startswith("there is none in ar, fr;")
    assert list(translation_findings("fr", there=("en", "ko"), everywhere=("en", "fr", "ko"))) == []


@pytest.mark.parametrize(
    ("text", "severity", "message"),
    [
        ("a" * 306, None, ""),
        ("a" * 307, Severity.WARNING, "takes 3 segments (GSM-7, 307 characters)"),
        ("a" * 460, Severity.ERROR, "takes 4 segments (GSM-7, 460 characters); at most 3 are sent: shorten it"),
        ("a" * 140 + "“x”", Severity.WARNING, "(UCS-2, 143 characters); without '“”' it would need fewer"),
        ("а" * 202, Severity.ERROR, "takes 4 segments (UCS-2"),
    ],
)  # fmt: skip
def test_long_text_messages_are_told_with_what_makes_them_long(
    text: str, severity: Severity | None, message: str
) -> None:
    found = list(sms_findings(text, language="en"))
    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all(message in one.message for one in found)


def test_characters_that_korean_carriers_drop_are_named() -> None:
    (found,) = sms_findings("긴급 é", language="ko")
    assert found == Finding(Severity.ERROR, "Korean carriers drop the characters 'é'; write it without them")


def test_a_text_message_is_measured_as_it_is_sent_with_the_name_of_the_organisation() -> None:
    body = "{{ organisation_name }}: " + "a" * 90 + " {{ link }}"
    given_draft = draft(Family.SMS, body)
    long_name = Organisation(name="An Organisation Whose Name Is Quite Long " * 5, about=specimens.ORGANISATION.about)
    assert told(given_draft, Severity.WARNING) == []
    found = told(replace(given_draft, organisation=long_name), Severity.WARNING)
    assert any("takes 3 segments" in one for one in found)


def test_a_subject_that_would_be_cut_is_refused() -> None:
    assert list(subject_findings("x" * 250)) == []
    (found,) = subject_findings("x" * 251)
    assert "is cut after 250" in found.message


def test_a_character_without_a_glyph_is_told_with_its_place() -> None:
    typesetter = typesetter_for(TEMPLATES)
    found = examine(draft(Family.LETTERS, "Hello\nold \U00012000 letters"), typesetter=typesetter)
    (error,) = (one for one in found if one.severity is Severity.ERROR)
    assert "none of the installed fonts has this character" in error.message
    assert (error.line, error.column) == (6, 5)
