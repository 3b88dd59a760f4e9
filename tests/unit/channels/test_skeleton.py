"""A compiled notice says what the straightforward way says, for any value in any script, and breaks no rule of SMTP."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import html
import re
from email.message import EmailMessage, MIMEPart
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.channels.samples import COPY, MAILING
from tests.unit.letters.contexts import LANGUAGES, TEMPLATES, notice_context
from urgentaction.channels.email import skeleton as skeletons
from urgentaction.channels.email.message import compose, dot_stuff
from urgentaction.channels.email.skeleton import Skeleton, compile_mailing
from urgentaction.channels.mailing import Copy, Mailing, written_out
from urgentaction.core.errors import InvalidInput
from urgentaction.letters.content import SLOT_NAME, SLOT_PREFERENCES, SLOT_UNSUBSCRIBE
from urgentaction.letters.render import render_notice
from urgentaction.letters.source import Family, load_shipped, shipped_kinds

NAME, LINK, OTHER = MAILING.marks
NAMES = (
    *(
        "김철수",
        "فاطمة الزهراء",
        "習近平 先生",
        "Ngọc Ánh",
        "नरेन्द्र",
        "שָׁלוֹם",
        "👩‍👩‍👧‍👦 𝒜𝓁𝒾𝒸ℯ",
        "e\u0301\u0302",
        "\u202eabc",
    ),
    *(
        ".",
        "..",
        ".com",
        "=",
        "=2E",
        "=?utf-8?q?x?=",
        "--",
        "<b>&amp;\"'</b>",
        "%s {0}",
        " space ",
        "\t",
        "\x0b\x85\u2028",
    ),
    *("", "a", NAME, LINK, f"{NAME}{LINK}", "n" * 2000, "민" * 500, "x" * 74, "x" * 75, "x" * 76, "y" * 998),
)


class Wire:
    """What the other side makes of the bytes between DATA and the final dot."""

    def __init__(self, stuffed: bytes) -> None:
        assert stuffed.endswith(b"\r\n")
        lines = stuffed.split(b"\r\n")
        assert lines.pop() == b""
        assert b"." not in lines, "the message would end there"
        assert not any(b"\r" in line or b"\n" in line for line in lines)
        assert all(len(line) <= 1000 for line in lines)
        self.lines = [line.removeprefix(b".") for line in lines]
        assert all(len(line) <= 998 for line in self.lines)
        self.message = email.message_from_bytes(b"\r\n".join([*self.lines, b""]), policy=email.policy.default)
        assert isinstance(self.message, EmailMessage)

    def read(self) -> tuple[Any, ...]:
        """All that a reader could notice, and nothing of how it was encoded."""
        leaves = [part for part in self.message.walk() if not part.is_multipart()]
        headers = [
            (name, str(value)) for name, value in self.message.items() if not name.startswith(("Content-T", "MIME-V"))
        ]
        kinds = [(part.get_content_type(), part.get_content_charset()) for part in self.message.walk()]
        return headers, self.message["MIME-Version"], kinds, [content_of(part) for part in leaves]


def content_of(part: EmailMessage | MIMEPart) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def same(compiled: Skeleton, mailing: Mailing, copy: Copy) -> Wire:
    """The filled skeleton, once it is known to say what the straightforward message says."""
    wire = Wire(compiled.fill(copy))
    plain = compose(written_out(mailing, copy), is_8bit=compiled.is_8bit, is_utf8=False)
    assert wire.read() == Wire(dot_stuff(plain)).read()
    for part in wire.message.walk():
        if part["Content-Transfer-Encoding"] == "quoted-printable":
            payload = part.get_payload()
            assert isinstance(payload, str)
            assert payload.isascii()
            assert all(len(line) <= 76 for line in re.split("\r\n", payload))
    if not compiled.is_8bit:
        assert b"".join(wire.lines).isascii()
    return wire


def refused(mailing: Mailing, copy: Copy, *, is_8bit: bool) -> InvalidInput | None:
    try:
        compose(written_out(mailing, copy), is_8bit=is_8bit, is_utf8=False)
    except InvalidInput as refusal:
        return refusal
    return None


def filled(values: tuple[str, ...], **changes: Any) -> Copy:
    return dataclasses.replace(COPY, values=values, **changes)


@pytest.fixture
def without_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for this shows that it is the skeleton that was filled."""

    def refuse(*_: object, **__: object) -> bytes:
        raise AssertionError("was composed one by one")

    monkeypatch.setattr(skeletons, "compose", refuse)


PIECES = st.one_of(
    st.sampled_from(
        [NAME, LINK, OTHER, "\n", "\r\n", "\r", ".", "..", " ", "=", "\t", "안녕", "<p title='", "&", "\0"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["w" * 60, "가" * 30, "x" * 400, "word " * 30, "긴 줄 " * 120]),
)
BODIES = st.lists(PIECES, max_size=14).map("".join)
WORDS = st.sampled_from(
    [
        NAME,
        LINK,
        OTHER,
        " ",
        "<",
        ">",
        "a",
        "=",
        "?",
        "=?utf-8?q?a?=",
        "긴급",
        "https://x.invalid/",
        "w" * 70,
        ", ",
        "  ",
    ]
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["List-Unsubscribe", "X-Note", ".Dotted", "List-Id"]),
        st.lists(WORDS, max_size=8).map("".join),
    ),
    max_size=2,
).map(tuple)
VALUES = st.one_of(
    st.sampled_from(NAMES),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(st.sampled_from("=?.-<>@ab/ "), max_size=12),
    st.just("https://urgentaction.invalid/unsubscribe/aGVsbG8_-/"),
)
COPIES = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(text=BODIES, page=BODIES, headers=HEADERS, copies=COPIES, is_8bit=st.booleans())
@example(text=NAME, page=NAME, headers=(), copies=[("", "", "")], is_8bit=True)
@example(text=f"a\r{NAME}\nb", page="", headers=(), copies=[("", "", ""), ("x", "", "")], is_8bit=True)
@example(text=f"{NAME}.\n{LINK}{OTHER}.", page="", headers=(), copies=[("", ".", ""), ("x", "", "..")], is_8bit=True)
@example(text=f"\n{NAME}{LINK}\n", page=f"{NAME}.", headers=(), copies=[("", ".", "")], is_8bit=False)
@example(text="", page="", headers=(("X-Note", f"={NAME}{LINK}?"),), copies=[("?", "a=", "")], is_8bit=True)
@example(text="", page="", headers=(("Resent-To", f"a@b.invalid {NAME}"),), copies=[("c", "", "")], is_8bit=True)
def test_any_notice_reads_as_the_straightforward_one(
    text: str,
    page: str,
    headers: tuple[tuple[str, str], ...],
    copies: list[tuple[str, str, str]],
    is_8bit: bool,  # noqa: FBT001
) -> None:
    mailing = dataclasses.replace(MAILING, text=text, html=page, headers=headers)
    compiled = compile_mailing(mailing, is_8bit=is_8bit)
    for values in copies:
        refusal = refused(mailing, filled(values), is_8bit=is_8bit)
        if refusal is None:
            same(compiled, mailing, filled(values))
        else:
            with pytest.raises(InvalidInput, match=re.escape(str(refusal))):
                compiled.fill(filled(values))


@pytest.mark.usefixtures("without_the_long_way")
@settings(max_examples=150, deadline=None)
@given(name=VALUES.filter(lambda value: not re.search("[\r\n\0]", value) and len(html.escape(value)) < 60))
def test_any_short_name_is_filled_in_without_the_long_way(name: str) -> None:
    for is_8bit in (True, False):
        wire = Wire(compile_mailing(MAILING, is_8bit=is_8bit).fill(filled((name, *COPY.values[1:]))))
        text, page = (content_of(part).decode() for part in wire.message.iter_parts())
        assert text.replace("\r\n", "\n") == written_out(MAILING, filled((name, *COPY.values[1:]))).text
        assert html.unescape(page).count(name) >= 1


@pytest.mark.parametrize("is_8bit", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script(name: str, is_8bit: bool) -> None:  # noqa: FBT001
    same(compile_mailing(MAILING, is_8bit=is_8bit), MAILING, filled((name, *COPY.values[1:])))


@pytest.mark.parametrize(
    ("language", "greeting", "name"),
    [
        ("ko", "김철수 님께", "김철수"),
        ("ar", "عزيزتي فاطمة الزهراء", "فاطمة الزهراء"),
        ("zh", "習近平 先生 敬啟", "習近平"),
    ],
)
def test_scripts_are_readable_in_the_bytes_where_the_server_takes_eight_bits(
    language: str, greeting: str, name: str
) -> None:
    template = greeting.replace(name, NAME)
    mailing = dataclasses.replace(
        MAILING, language=language, subject=greeting, text=f"{template}\n", html=f"<p>{template}</p>\n"
    )
    copy = filled((name, *COPY.values[1:]))
    wire = same(compile_mailing(mailing, is_8bit=True), mailing, copy)
    assert greeting.encode() in wire.lines
    assert f"<p>{greeting}</p>".encode() in wire.lines
    assert wire.message["Subject"] == greeting
    assert wire.message["Content-Language"] == language
    same(compile_mailing(mailing, is_8bit=False), mailing, copy)


@pytest.mark.usefixtures("without_the_long_way")
@pytest.mark.parametrize("values", [(".", "", ""), ("", ".x", ""), ("", "", ""), ("..", "a", "."), ("x", ".", ".")])
def test_dots_are_stuffed_wherever_a_line_begins(values: tuple[str, str, str]) -> None:
    template = f"{NAME}{LINK}.here\n.there {NAME}\n{OTHER}{OTHER}\n.\n..\n{NAME}\n{LINK}end\n"
    for page in ("", template):
        for is_8bit in (True, False):
            mailing = dataclasses.replace(MAILING, text=template, html=page, headers=())
            wire = Wire(compile_mailing(mailing, is_8bit=is_8bit).fill(filled(values)))
            (text, *_) = [content_of(part) for part in wire.message.walk() if not part.is_multipart()]
            assert text.decode() == written_out(mailing, filled(values)).text.replace("\n", "\r\n")


@pytest.mark.usefixtures("without_the_long_way")
def test_a_mark_in_an_attribute_is_escaped_for_it() -> None:
    mailing = dataclasses.replace(MAILING, html=f'<a title="{NAME}" href="{LINK}">{NAME}</a>\n')
    wire = Wire(compile_mailing(mailing, is_8bit=True).fill(filled(("\"'><script>", "https://x.invalid/?a=1&b=2", ""))))
    shown = "&quot;&#x27;&gt;&lt;script&gt;"
    assert f'<a title="{shown}" href="https://x.invalid/?a=1&amp;b=2">{shown}</a>'.encode() in wire.lines


@pytest.mark.usefixtures("without_the_long_way")
@pytest.mark.parametrize("is_8bit", [True, False])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", shipped_kinds(Family.NOTICES, root=TEMPLATES))
def test_shipped_notices_are_compiled(kind: str, language: str, is_8bit: bool) -> None:  # noqa: FBT001
    mailing, copy = shipped(kind, language)
    written = written_out(mailing, copy)
    wire = Wire(compile_mailing(mailing, is_8bit=is_8bit).fill(copy))
    text, page = (content_of(part).decode().replace("\r\n", "\n") for part in wire.message.iter_parts())
    assert (text, page) == (written.text, written.html)
    assert "SLOT0" not in text + page + str(wire.message["List-Unsubscribe"])


@pytest.mark.parametrize("is_8bit", [True, False])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shipped_notice_reads_as_the_straightforward_one(language: str, is_8bit: bool) -> None:  # noqa: FBT001
    mailing, copy = shipped("appeal", language)
    same(compile_mailing(mailing, is_8bit=is_8bit), mailing, copy)


def shipped(kind: str, language: str) -> tuple[Mailing, Copy]:
    context = notice_context(language, "released" if kind == "good_news" else "return_imminent", with_invented=True)
    notice = render_notice(load_shipped(Family.NOTICES, kind, language, root=TEMPLATES), context)
    mailing = dataclasses.replace(
        MAILING,
        sender_name=context.organisation.name,
        subject=notice.subject,
        text=notice.text,
        html=notice.html,
        language=language,
        marks=(SLOT_NAME, SLOT_UNSUBSCRIBE, SLOT_PREFERENCES),
        headers=(
            ("List-Id", "<supporters.urgentaction.invalid>"),
            ("List-Unsubscribe", f"<{SLOT_UNSUBSCRIBE}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
    )
    name = "김철수" if language == "ko" else "Siân O'Brien"
    return mailing, dataclasses.replace(COPY, values=(name, COPY.values[1], COPY.values[2]))


@pytest.mark.parametrize(
    "to",
    [
        *("o'brien+x@office.invalid", '"a,b"@office.invalid', "a..b@office.invalid", "(c)@office.invalid"),
        f"{'l' * 250}@{'d' * 60}.invalid",
    ],
)
def test_addresses_are_written_as_compose_writes_them(to: str) -> None:
    same(compile_mailing(MAILING, is_8bit=True), MAILING, dataclasses.replace(COPY, to=to))


@pytest.mark.usefixtures("without_the_long_way")
def test_a_domain_in_another_script_is_written_as_dns_knows_it() -> None:
    mailing = dataclasses.replace(MAILING, sender="alerts@긴급.invalid")
    wire = Wire(compile_mailing(mailing, is_8bit=True).fill(dataclasses.replace(COPY, to="kim@한국.invalid")))
    assert wire.message["To"] == "kim@xn--3e0b707e.invalid"
    assert wire.message["From"].addresses[0].domain.startswith("xn--")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": "한국@office.invalid"}, "to"),
        ({"to": "a@b@office.invalid"}, "to"),
        ({"to": ""}, "to"),
        ({"to": "a@x.invalid> SIZE=1 <b@x.invalid"}, "to"),
        ({"to": "a@x.invalid\r\nBcc: b@x.invalid"}, "to"),
        ({"to": f"{'l' * 1000}@x.invalid"}, "headers"),
        ({"return_path": "b@x.invalid\r\nRCPT TO:<c@x.invalid>"}, "return_path"),
        ({"return_path": "nowhere"}, "return_path"),
        ({"message_id": "<a@x.invalid>\r\nBcc: b@x.invalid"}, "message_id"),
        ({"message_id": f"<{'a' * 1000}@x.invalid>"}, "headers"),
        ({"values": ("a", "https://x.invalid/\r\nBcc: b@x.invalid", "")}, "headers.1"),
        ({"values": ("a", "https://x.invalid/\n", "")}, "headers.1"),
        ({"values": ("a", "https://x.invalid/\0", "")}, "headers.1"),
        ({"values": ("a", "https://x.invalid/\u2028", "")}, "headers.1"),
        ({"values": ("a", f"https://x.invalid/{'a' * 1000}", "")}, "headers"),
    ],
)
def test_a_malformed_copy_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_mailing(MAILING, is_8bit=True).fill(dataclasses.replace(COPY, **change))
    assert caught.value.problems[0].field == field


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "nowhere"},
        {"sender": "알림@urgentaction.invalid"},
        {"sender_name": "a\r\nBcc: b@x.invalid"},
        {"subject": "a\nb"},
        {"date": MAILING.date.replace(tzinfo=None)},
        {"headers": (("Bcc", "b@x.invalid"),)},
        {"headers": (("X-Note", f"a\n{NAME}"),)},
        {"headers": (("X-Long", "x" * 2000),)},
    ],
)
def test_a_malformed_mailing_is_refused_at_once(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        compile_mailing(dataclasses.replace(MAILING, **change), is_8bit=True)


def test_values_must_be_as_many_as_marks() -> None:
    for values in (("a",), ("a\nb", "c"), ("a", "b", "c", "d")):
        with pytest.raises(ValueError, match="zip"):
            compile_mailing(MAILING, is_8bit=True).fill(filled(values))


@pytest.mark.usefixtures("without_the_long_way")
def test_a_body_whose_lines_leave_no_room_is_quoted_printable() -> None:
    mailing = dataclasses.replace(MAILING, html=f"<p>{'긴 줄 ' * 120}{NAME}</p>\n")
    wire = Wire(compile_mailing(mailing, is_8bit=True).fill(COPY))
    text, page = wire.message.iter_parts()
    assert text["Content-Transfer-Encoding"] == "8bit"
    assert page["Content-Transfer-Encoding"] == "quoted-printable"


def test_no_two_mailings_share_a_boundary() -> None:
    first, second = (Wire(compile_mailing(MAILING, is_8bit=True).fill(COPY)).message for _ in range(2))
    assert first.get_boundary() != second.get_boundary()
