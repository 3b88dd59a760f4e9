"""Letters and notices as mail: what a mail program gets to see."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from tests.unit.letters import tongues
from tests.unit.letters.contexts import notice_context
from urgentaction.letters.content import MarkdownText
from urgentaction.letters.render import render_letter, render_notice
from urgentaction.letters.source import TemplateSource


def seen(document: str) -> str:
    """The text a reader sees, on one line."""
    body = document.partition("<body")[2].partition(">")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", body.replace("<br>", " "))).split())


@pytest.mark.parametrize("language", tongues.ALL)
def test_mail_loads_nothing_runs_nothing_and_fixes_no_colour(language: str) -> None:
    document = tongues.letter(language)[0].html
    assert not re.search(r"<(img|script|style|link|iframe|form|object|svg)\b|\bsrc=|url\(|@import|\son\w+=", document)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|background|(?<!-)color:(?!scheme)", document)
    assert "currentColor" in document
    assert '<meta name="color-scheme" content="light dark">' in document
    assert set(re.findall(r'href="([^"]*)"', document)) == {"https://safepassage.example/cases/two-people"}


@pytest.mark.parametrize("language", tongues.ALL)
def test_mail_says_its_language_and_direction(language: str) -> None:
    document = tongues.letter(language)[0].html
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in document
    # A mail program that takes only the body still learns both.
    assert f'<div lang="{language}" dir="{direction}"' in document
    assert ("word-break:keep-all" in document) is (language == "ko")


@pytest.mark.parametrize("language", tongues.ALL)
def test_html_and_plain_text_say_the_same(language: str) -> None:
    rendered, context = tongues.letter(language)
    words = tongues.WORDS[language]
    assert context.enclosures[1] in seen(rendered.html)
    for part in (words.quote, *words.items, words.last, words.re, words.name):
        plain = "".join(part.replace("*", "").split())
        assert plain in "".join(re.sub(r"[\u2066-\u2069]", "", seen(rendered.html)).split())
        assert plain in "".join(re.sub(r"[\u2066-\u2069>]", "", rendered.text).split())


def test_arabic_mail_isolates_what_runs_the_other_way() -> None:
    rendered, _ = tongues.letter("ar")
    assert '<bdi dir="ltr">+44 20 7946 0100</bdi>' in rendered.html
    assert '<bdi dir="ltr">minister@office.example</bdi>' in rendered.html
    assert "\u2066+82 2-770-4721\u2069" in rendered.text
    assert "\u2066" not in rendered.html
    assert "bdi" not in tongues.letter("fr")[0].html


def test_an_arabic_notice_leaves_the_name_its_own_direction() -> None:
    about = tongues.context("ar")
    base = notice_context("en")
    context = replace(base, language="ar", organisation=about.organisation)
    source = TemplateSource(
        "mine.md", "ar", '+++\nsubject = "نداء"\n+++\nإلى {{ supporter_name }}،\n\n{{ unsubscribe_url | link }}\n'
    )
    made = render_notice(source, context).fill(
        name="Anna <Li>", unsubscribe_url="https://x.example/u", preferences_url="https://x.example/p"
    )
    assert "<bdi>Anna &lt;Li&gt;</bdi>" in made.html
    assert "\u2068Anna <Li>\u2069" in made.text


def test_markup_in_a_letter_stays_text() -> None:
    context = tongues.context("ar")
    context = replace(
        context, case=replace(context.case, texts={"x": MarkdownText("<script>alert(1)</script> <p onclick=x>")})
    )
    source = TemplateSource("mine.md", "ar", '+++\nre = "x"\nclosing = "y"\n+++\n{{ case.texts.x }}\n')
    document = render_letter(source, context).html
    assert "<script" not in document
    assert "<p onclick" not in document
    assert "&lt;" in document
