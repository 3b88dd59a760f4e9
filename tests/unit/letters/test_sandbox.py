"""What a template may do, and what its author is told when it does something else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.core.errors import TemplateError
from urgentaction.letters import markdown
from urgentaction.letters.content import MarkdownText
from urgentaction.letters.sandbox import Limits, Piece, Renderer


@dataclass(frozen=True, slots=True)
class Thing:
    name: str = "plain"
    text: MarkdownText = MarkdownText("**bold**")  # noqa: RUF009 - immutable
    day: date = date(2015, 11, 24)
    secret_method_ran: bool = False

    def act(self) -> str:
        raise AssertionError("a template called a method")


VALUES = {"thing": Thing(), "texts": {"law": MarkdownText("*law*")}, "many": ("a", "b")}


def render(text: str, *, language: str = "en", limits: Limits | None = None) -> str:
    renderer = Renderer(language, limits=limits) if limits else Renderer(language)
    return renderer.markdown(Piece("letters/x/en.md", text), VALUES)


def refused(text: str, *, limits: Limits | None = None) -> str:
    with pytest.raises(TemplateError) as caught:
        render(text, limits=limits)
    return str(caught.value)


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ thing.__class__ }}",
    "{{ thing.__init__.__globals__ }}",
    "{{ thing.act() }}",
    "{{ thing.act }}",
    "{{ thing['name'] }}",
    "{{ thing|attr('__class__') }}",
    "{{ texts.items() }}",
    "{{ texts.keys }}",
    "{{ self.__init__ }}",
    "{{ self }}",
    "{{ range(10) }}",
    "{{ lipsum() }}",
    "{{ cycler }}",
    "{{ namespace() }}",
    "{{ 9**9**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ '%s' % thing }}",
    "{{ '{0.__class__}'.format(thing) }}",
    "{{ [].__class__ }}",
    "{{ many | map('upper') }}",
    "{{ many | tojson }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% macro m() %}{% endmacro %}{{ m() }}",
    "{% set x = 1 %}",
    "{% set x %}a{% endset %}",
    "{% block b %}{% endblock %}",
    "{% filter upper %}a{% endfilter %}",
    "{% call thing.act() %}{% endcall %}",
    "{% for x in many recursive %}{{ x }}{% endfor %}",
    "{% for x in many %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in many %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for __builtins__ in many %}{% endfor %}",
    "{% if thing is callable %}{% endif %}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_escapes_are_refused_with_template_and_line(text: str) -> None:
    assert refused(f"First line.\n\n{text}\n").startswith("template letters/x/en.md, line 3: ")


def test_a_refusal_without_a_line_of_its_own_still_names_the_template() -> None:
    assert refused("{% autoescape true %}a{% endautoescape %}").startswith("template letters/x/en.md, line 1: uses")


def test_an_undefined_variable_is_named_with_its_line_and_a_suggestion() -> None:
    message = refused("Dear\n{{ thng.name }}")
    assert message == (
        "template letters/x/en.md, line 2: uses 'thng', which is not defined; there are: many, texts, thing; "
        "did you mean 'thing'?"
    )


def test_an_unknown_field_is_named_with_its_line_and_what_there_is() -> None:
    message = refused("a\nb\n{% if thing.name == 'plain' %}\n{{ thing.nane }}\n{% endif %}")
    assert message.startswith("template letters/x/en.md, line 4: 'nane' is no field of Thing")
    assert message.endswith("did you mean 'name'?")


@pytest.mark.parametrize("use", ["{{ thing.nope | day }}", "{{ thing.nope | upper }}", "{{ thing.nope | link }}"])
def test_a_filter_does_not_hide_an_unknown_field(use: str) -> None:
    assert "'nope' is no field of Thing" in refused(use)


def test_a_missing_section_says_where_to_add_it() -> None:
    assert "add `## demands` to the case's texts" in refused("{{ texts.demands }}")


def test_optional_sections_can_be_asked_for() -> None:
    assert render("{% if texts.demands is defined %}{{ texts.demands }}{% else %}none{% endif %}") == "none"


@pytest.mark.parametrize("text", ["{{ thing }}", "{{ many }}", "{{ none }}", "{{ thing.day }}", "{{ true }}"])
def test_what_is_no_text_is_not_printed(text: str) -> None:
    assert "can't be printed" in refused(text)


def test_syntax_errors_name_the_line() -> None:
    assert refused("fine\n{% if thing.name %}\nnever closed").startswith("template letters/x/en.md, line ")


@pytest.mark.parametrize(
    "text", ["{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "{% if many %}" * 150 + "{% endif %}" * 150]
)
def test_deep_nesting_is_refused(text: str) -> None:
    assert "nested too deeply" in refused(text)


def test_limits_on_source_output_and_loops() -> None:
    assert "at most 10 are allowed" in refused("x" * 11, limits=Limits(source=10))
    looping = "{% for x in many %}{{ thing.name }}{% endfor %}"
    assert "writes more than 5 characters" in refused(looping, limits=Limits(output=5))
    deep = "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}"
    assert "nests loops too deeply" in refused(deep)


def test_data_is_escaped_and_markdown_is_not() -> None:
    renderer = Renderer("en")
    values = {"name": "*x* [a](javascript:b) <b>", "text": MarkdownText("*kept*")}
    rendered = renderer.markdown(Piece("t", "{{ name }} {{ text }}"), values)
    assert markdown.to_html(rendered) == "<p>*x* [a](javascript:b) &lt;b&gt; <em>kept</em></p>"


@given(st.text(max_size=80))
def test_any_name_comes_through_a_template_as_itself(name: str) -> None:
    rendered = Renderer("en").markdown(Piece("t", "Dear {{ name }}!"), {"name": name})
    assert markdown.plain(rendered) == markdown.one_line(f"Dear {markdown.one_line(name)}!")


def test_plain_values_are_one_line_without_marks() -> None:
    renderer = Renderer("en")
    piece = Piece("t", "{{ thing.text }}: {{ name }}")
    assert renderer.plain(piece, VALUES | {"name": "a\r\nBcc: b@e.example\0"}) == "bold: a Bcc: b@e.example"


def test_filters() -> None:
    assert render("{{ thing.day | day }}") == "24 November 2015"
    assert render("{{ thing.day | day }}", language="ko") == "2015년 11월 24일"
    assert render("{{ 'https://e.example/a_b*c' | link }}") == "<https://e.example/a_b*c>"
    assert "takes an http, https or mailto address" in refused("{{ 'javascript:alert(1)' | link }}")
    assert "takes an http, https or mailto address" in refused("{{ 'https://e.example/> *x*' | link }}")


@pytest.mark.parametrize("value", ["thing.name", "thing", "many"])
@pytest.mark.parametrize("name", ["day", "link"])
def test_an_error_never_repeats_a_value(value: str, name: str) -> None:
    """It may be somebody's name, and errors go into tasks and to the people on call."""
    told = refused(f"{{{{ {value} | {name} }}}}")
    assert "line 1" in told
    assert "plain" not in told
    assert "'a'" not in told


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("중국", "은/는", "중국은"),
        ("베트남", "이/가", "베트남이"),
        ("대통령 박근혜", "을/를", "대통령 박근혜를"),
        ("서울", "으로/로", "서울로"),
        ("투먼", "으로/로", "투먼으로"),
        ("선양", "과/와", "선양과"),
        ("UA 117/15", "은/는", "UA 117/15는"),
        ("117", "으로/로", "117로"),
        ("Anna", "은/는", "Anna은(는)"),
    ],
)
def test_korean_particles_follow_the_last_sound(word: str, pair: str, expected: str) -> None:
    rendered = Renderer("ko").plain(Piece("t", "{{ word | particle(pair) }}"), {"word": word, "pair": pair})
    assert rendered == expected


PIECES = [
    *("{{", "}}", "{%", "%}", "{#", "#}", "if", "else", "elif", "endif", "for", "endfor", "in", "not", "is", "none"),
    *("defined", "thing", ".name", ".day", "texts", ".law", "many", "|", "day", "link", "upper", "particle('은/는')"),
    *("==", "'a'", "1", "(", ")", ",", "loop", ".last", "self", "set", "x", "=", "~", "and", "or", "-", "[0]", "9**9"),
    *("\n", "+++", "**", "[", "]("),
]


@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_whatever_is_typed_is_rendered_or_refused_by_name(pieces: list[str]) -> None:
    told = ""
    try:
        render(" ".join(pieces))
    except TemplateError as error:
        told = str(error)
    assert not told or told.startswith("template letters/x/en.md, line ")
