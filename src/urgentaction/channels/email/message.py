"""One `OutgoingEmail` as the bytes that go between DATA and the final dot: the straightforward way.

Owns headers, MIME structure, the refusal of header injection, and dot-stuffing. Knows nothing of connections.
`skeleton` makes the same of a mailing, many times as fast; what it can't do, it leaves to this.
RFC 5322 (headers), RFC 2045-2049 (MIME), RFC 3834 (Auto-Submitted), RFC 8058 (one-click unsubscribe: its headers
come ready in `OutgoingEmail.headers`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import lru_cache

from urgentaction.channels.contract import OutgoingEmail
from urgentaction.core.errors import InvalidInput, Problem

MAX_LINE = 998  # RFC 5322 §2.1.1, in bytes, without the CRLF
_FOLD_AT = 76  # RFC 2045 §6.7 allows a line of quoted-printable no more; RFC 5322 would allow a header 78
_HEADER_NAME = re.compile(r"[!-9;-~]+")
ADDRESS = re.compile(r"[^\s<>@\x00-\x20\x7f]+@[^\s<>@\x00-\x20\x7f]+")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
#: All that `str.splitlines` takes for the end of a line: the standard library refuses every one of them in a header.
_BREAKS = re.compile(r"[\x00\n-\r\x1c-\x1e\x85\u2028\u2029]")
_CRLF = b"\r\n"

#: Headers this module writes itself; `OutgoingEmail.headers` may not bring a second one.
_OWN_HEADERS = frozenset(
    {
        *("from", "sender", "to", "cc", "bcc", "reply-to", "return-path"),
        *("date", "message-id", "subject", "auto-submitted", "content-language"),
    }
)


class WirePolicy(EmailPolicy):
    """The standard policy, except that plain ASCII headers are folded at spaces only.

    The standard folding turns a long token without spaces into encoded words, which makes a List-Unsubscribe URL
    unreadable for the mail programs that should act on it.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header as it goes over the wire."""
        text = str(value)
        if not text.isascii() or _BREAKS.search(text):
            return super().fold_binary(name, value)
        lines = [f"{name}:"]
        for word in text.split(" "):
            is_too_long = len(lines[-1]) + 1 + len(word) > _FOLD_AT and lines[-1].strip() not in {"", f"{name}:"}
            if is_too_long and word:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word}"
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")

    @classmethod
    def of(cls, *, is_8bit: bool, is_utf8: bool) -> WirePolicy:
        """For a server that takes 8BITMIME (RFC 6152), for a transaction that uses SMTPUTF8 (RFC 6531)."""
        return cls(
            linesep="\r\n",
            utf8=is_utf8,
            cte_type="8bit" if is_8bit else "7bit",
            raise_on_defect=False,
            max_line_length=_FOLD_AT,
        )


def compose(outgoing: OutgoingEmail, *, is_8bit: bool, is_utf8: bool) -> bytes:
    """The message, with CRLF line ends.

    Args:
        outgoing: the mail; multipart/alternative where it has HTML, mixed where it has attachments.
        is_8bit: the server takes 8BITMIME (RFC 6152); otherwise everything is encoded to seven bits.
        is_utf8: the transaction uses SMTPUTF8 (RFC 6531), so headers may carry UTF-8 as it is.

    Raises:
        InvalidInput: something in it would break out of its header, or is not what it claims to be.
    """
    message = begun(outgoing, WirePolicy.of(is_8bit=is_8bit, is_utf8=is_utf8))
    message.set_content(outgoing.text)
    if outgoing.html:
        message.add_alternative(outgoing.html, subtype="html")
    for attachment in outgoing.attachments:
        maintype, _, subtype = attachment.content_type.partition("/")
        message.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=attachment.filename)
    # Last: setting content takes away every Content-* header there is.
    message["Content-Language"] = outgoing.language
    content = message.as_bytes()
    refuse_long_lines(content.split(_CRLF))
    return content


def begun(outgoing: OutgoingEmail, policy: WirePolicy) -> EmailMessage:
    """Checked, with all its headers but those that tell about the content.

    Raises:
        InvalidInput: as `check`.
    """
    check(outgoing)
    message = EmailMessage(policy=policy)
    message["From"] = _mailbox(outgoing.sender, outgoing.sender_name)
    message["To"] = _mailbox(outgoing.to)
    if outgoing.reply_to:
        message["Reply-To"] = _mailbox(outgoing.reply_to)
    message["Date"] = format_datetime(outgoing.date)
    message["Message-ID"] = outgoing.message_id
    message["Subject"] = outgoing.subject
    message["Auto-Submitted"] = "auto-generated"
    for name, value in outgoing.headers:
        message[name] = value
    return message


def refuse_long_lines(lines: Iterable[bytes]) -> None:
    """Raise InvalidInput for a line that no server need take. Only a header can come to that: bodies are encoded."""
    if any(len(line) > MAX_LINE for line in lines):
        raise InvalidInput.of("headers", f"one is longer than {MAX_LINE} characters and can't be folded.")


def dot_stuff(content: bytes) -> bytes:
    """Make a message safe between DATA and the final dot, without that dot (RFC 5321 §4.5.2).

    Every line ends in CRLF afterwards, lone CR and LF included: a server that reads a lone LF as a line end must not
    find a final dot where we saw none.
    """
    lines = re.sub(rb"\r\n|\r|\n", _CRLF, content)
    if not lines.endswith(_CRLF):
        lines += _CRLF
    return re.sub(rb"(?m)^\.", b"..", lines)


def with_ascii_domain(address: str) -> str:
    """An address with its domain as DNS knows it (RFC 5891), so that SMTPUTF8 is needed for local parts only.

    Raises:
        InvalidInput: DNS can't know a domain of that name.
    """
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{_dns_name(domain)}"


@lru_cache(maxsize=1024)
def _dns_name(domain: str) -> str:
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InvalidInput.of("domain", "can't be written as a DNS name.") from error


def check(outgoing: OutgoingEmail) -> None:
    """Refuse what would leave its header (CR, LF, NUL) or is no address, name or type at all.

    Raises:
        InvalidInput: every problem found; the values themselves are not repeated.
    """
    problems = list(_problems(outgoing))
    if problems:
        raise InvalidInput(problems)


def _problems(outgoing: OutgoingEmail) -> Iterator[Problem]:
    one_line = {
        "subject": outgoing.subject,
        "sender_name": outgoing.sender_name,
        "message_id": outgoing.message_id,
        "language": outgoing.language,
        **{f"headers.{number}": value for number, (_, value) in enumerate(outgoing.headers)},
        **{f"attachments.{number}": file.filename for number, file in enumerate(outgoing.attachments)},
    }
    for field, value in one_line.items():
        if _BREAKS.search(value):
            yield Problem(field, "contains a line break or a NUL.")
    addresses = {"to": outgoing.to, "sender": outgoing.sender, "return_path": outgoing.return_path}
    for field, value in {**addresses, "reply_to": outgoing.reply_to}.items():
        is_absent = not value and field in {"reply_to", "return_path"}
        if not is_absent and not ADDRESS.fullmatch(value):
            yield Problem(field, "is not a plain mail address.")
    if outgoing.date.tzinfo is None:
        yield Problem("date", "has no time zone.")
    for number, (name, _) in enumerate(outgoing.headers):
        if not _HEADER_NAME.fullmatch(name):
            yield Problem(f"headers.{number}", "has a name that is no header name.")
        elif name.lower() in _OWN_HEADERS or name.lower().startswith(("content-", "mime-")):
            yield Problem(f"headers.{number}", f"{name} is written by the gateway itself.")
    for number, file in enumerate(outgoing.attachments):
        if not _CONTENT_TYPE.fullmatch(file.content_type) or file.content_type.lower().startswith("multipart/"):
            yield Problem(f"attachments.{number}", "has a content type that is no plain MIME type.")


def _mailbox(address: str, display_name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=display_name, username=local, domain=domain)
