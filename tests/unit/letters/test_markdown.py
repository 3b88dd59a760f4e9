"""Markdown of letters: data stays literal, and the three outputs agree."""

from __future__ import annotations

import html
import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from urgentaction.letters import markdown

HOSTILE = ["*x*", "[a](javascript:alert(1))", "<b>bold</b>", "# head", "- item", "1. one", "+82 2", "> quote", "&amp;"]
HOSTILE += [
    "__init__",
    "`code`",
    "![x](https://e.example/p.png)",
    "<https://e.example>",
    "a\n\n# b",
    "\\",
    "***",
    "===",
    "|",
]

values = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))


@given(values, st.sampled_from(["{}", "Dear {}", "{} was seen", "Say {} now", "- {}"]))
@example("*x*", "{}")
@example("0.", "{}")
def test_an_escaped_value_appears_as_it_is_wherever_it_stands(value: str, place: str) -> None:
    shown = markdown.one_line(value)
    assume(shown)
    blocks = markdown.parse(place.format(markdown.escape(value)))
    if place == "- {}":
        (listing,) = blocks
        assert isinstance(listing, markdown.Listing)
        (blocks,) = listing.items
    (paragraph,) = blocks
    assert isinstance(paragraph, markdown.Paragraph)
    assert "".join(run.text for run in paragraph.runs) == place.removeprefix("- ").format(shown)
    assert all(run == markdown.Run(run.text) for run in paragraph.runs)


@given(values)
def test_an_escaped_value_is_only_text_in_html(value: str) -> None:
    fragment = markdown.to_html("Name: " + markdown.escape(value))
    assert set(re.findall(r"<(\w+)", fragment)) <= {"p"}
    assert html.unescape(re.sub(r"</?p>", "", fragment)) == f"Name: {markdown.one_line(value)}".strip()


def test_html_has_no_pictures_scripts_or_dangerous_links() -> None:
    source = (
        "![spy](https://tracker.example/pixel.png) <script>alert(1)</script> [go](javascript:alert(1)) "
        '<a href="x" onclick="y">z</a> [fine](https://e.example/a?b=1&c=2) <mailto:a@e.example>'
    )
    fragment = markdown.to_html(source)
    assert "<img" not in fragment
    assert "<script" not in fragment
    assert re.findall(r'<a href="([^"]*)"', fragment) == [
        "https://tracker.example/pixel.png",
        "https://e.example/a?b=1&amp;c=2",
        "mailto:a@e.example",
    ]


def test_text_is_wrapped_with_lists_links_and_headings() -> None:
    text = markdown.to_text(
        markdown.parse(
            "# What you can do\n\n"
            "1. Write to the [President](https://e.example/p) of the *Republic*, and do it before the end "
            "of the month.\n"
            "2. Tell **others**.\n\n- one\n- two\n\n> quoted words\n\nLast  \nline <https://e.example/x>"
        )
    )
    assert text.split("\n") == [
        "What you can do",
        "===============",
        "",
        "1. Write to the President <https://e.example/p> of the Republic, and do",
        "   it before the end of the month.",
        "2. Tell others.",
        "",
        "- one",
        "- two",
        "",
        "> quoted words",
        "",
        "Last",
        "line https://e.example/x",
    ]


def test_headings_reach_the_typesetter_without_gaps() -> None:
    def levels(source: str) -> list[object]:
        return [block["level"] for block in markdown.as_data(markdown.parse(source)) if block["kind"] == "heading"]

    assert levels("## One\n\n#### Two\n\n# Three\n\n### Four") == [1, 2, 1, 2]
    assert levels("### One\n\n### Two") == [1, 2]
