"""What is wrong with a template, seen without running it: links, HTML, characters, subjects, translations, length.

Each rule says what to do about it. An error stops a template from being saved, a warning is shown to whoever saves and
whoever reviews. Pure. What needs Jinja2's syntax tree is `letters.reads`, what needs a rendering `letters.examination`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from urgentaction.letters.sms import SmsEncoding, beyond_gsm_7, sms_segments, unfit_for_korea


class Severity(StrEnum):
    """Whether it stops a template from being saved."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, and what to do about it. `line` and `column` count from 1; 0 where there is none."""

    severity: Severity
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", column {self.column}" if self.column else "") if self.line else ""
        return f"{place}: {self.message}" if place else self.message


@dataclass(frozen=True, slots=True)
class Read:
    """A field that a template reads.

    Attributes:
        path: `case.texts.latest`, `persons[].name`.
        place: `body`, or the key of the front matter.
        is_asked: the template only asks whether it is there.
    """

    path: str
    line: int
    place: str = "body"
    is_asked: bool = False


MOST_SEGMENTS, MANY_SEGMENTS = 3, 2
LONGEST_SUBJECT = 250
#: Front matter that becomes the subject of a mail: every server on its way can read and keep it.
SUBJECTS = frozenset({"re", "subject"})

_PLAIN_LINK = re.compile(r"http://[^\s)>\"'}]*", re.IGNORECASE)
_BARE_LINK = re.compile(r"(?<![\w/.@-])www(?:\.[\w-]+){2,}", re.IGNORECASE)
_OTHER_LINK = re.compile(r"\]\(\s*<?(?!https?:|mailto:|\{)([^\s)>]*)", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?=[\s/>])[^>\n]{0,200}>", re.IGNORECASE)
_PICTURE = re.compile(r"!\[[^\]\n]*\]\(")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffd\ud800-\udfff]")


def text_findings(text: str) -> Iterator[Finding]:
    """Links, HTML, pictures and characters of the template as written."""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        yield from (Finding(severity, told, number, column) for severity, told, column in _line_findings(line))


def _line_findings(line: str) -> Iterator[tuple[Severity, str, int]]:
    for match in _INVISIBLE.finditer(line):
        yield Severity.ERROR, f"has the invisible character U+{ord(match[0]):04X}; delete it", match.start() + 1
    for match in _PLAIN_LINK.finditer(line):
        yield (
            Severity.ERROR,
            f"the link {_clipped(match[0])} isn't encrypted, and whoever listens sees who reads it; write https://",
            match.start() + 1,
        )
    for match in _BARE_LINK.finditer(line):
        yield (
            Severity.WARNING,
            f"{_clipped(match[0])} is no link for most programs; write <https://{_clipped(match[0])}>",
            match.start() + 1,
        )
    for match in _OTHER_LINK.finditer(line):
        yield (
            Severity.ERROR,
            f"the link to {_clipped(match[1])!r} would be left out; links go to https:// or mailto: addresses",
            match.start() + 1,
        )
    for match in _PICTURE.finditer(line):
        yield Severity.ERROR, "pictures aren't shown: they would tell who reads; take it out", match.start() + 1
    for match in _TAG.finditer(line):
        yield (
            Severity.WARNING,
            f"{_clipped(match[0])} appears as it is written, HTML has no effect; use Markdown (**strong**, *emphasis*)",
            match.start() + 1,
        )


#: What a subject must not carry, and why; a path that begins with it is meant, too.
_NOT_IN_SUBJECTS = (
    ("persons", "names and descriptions of people don't belong in a subject, whatever they agreed to in the letter"),
    ("case.title", "it may carry a name that only the letter's own reader may see; use case.public_title"),
    ("case.texts", "the case's texts may name people; use case.public_title"),
    ("supporter_name", "a subject is the same for everybody, and must not say who reads it"),
    ("unsubscribe_url", "a subject is the same for everybody"),
    ("preferences_url", "a subject is the same for everybody"),
)


def consent_findings(reads: Iterable[Read], *, for_governments: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Fields that would show more than its readers may see.

    Args:
        for_governments: sections of a case's texts that are written for governments; give it for a notice, which
            supporters read.
    """
    for read in reads:
        if read.is_asked:
            continue
        if read.place in SUBJECTS:
            for start, why in _NOT_IN_SUBJECTS:
                if read.path == start or read.path.startswith((f"{start}.", f"{start}[")):
                    yield Finding(Severity.ERROR, f"{read.place!r} reads {read.path}: {why}", read.line)
            if read.path == "update.place":
                told = "the place may tell who it is about, and every mail server on the way can read a subject"
                yield Finding(Severity.WARNING, f"{read.place!r} reads {read.path}: {told}", read.line)
        section = read.path.removeprefix("case.texts.")
        if section != read.path and section in for_governments:
            told = "written for a government; supporters may not be meant to see all of it"
            yield Finding(Severity.WARNING, f"reads {read.path}, which is {told}; use case.texts.latest", read.line)


def translation_findings(language: str, *, there: Iterable[str], everywhere: Iterable[str]) -> Iterator[Finding]:
    """Languages that this kind lacks.

    Args:
        language: the template's own.
        there: languages in which the kind exists, staff's versions counted.
        everywhere: languages in which any kind of the family exists.
    """
    missing = sorted(set(everywhere) - set(there) - {language})
    if missing:
        told = f"there is none in {', '.join(missing)}; readers of those languages can't be written to with this kind"
        yield Finding(Severity.WARNING, told)


def sms_findings(text: str, *, language: str) -> Iterator[Finding]:
    """What a finished text message costs, and what carriers would drop.

    Args:
        text: as rendered, with a link of the usual length.
    """
    encoding, segments = sms_segments(text)
    if segments > MANY_SEGMENTS:
        told = f"takes {segments} segments ({encoding.value}, {len(text)} characters)"
        outside = beyond_gsm_7(text)
        if encoding is SmsEncoding.UCS_2 and 0 < len(outside) <= 12:
            told += f"; without {outside!r} it would need fewer"
        if segments > MOST_SEGMENTS:
            yield Finding(Severity.ERROR, f"{told}; at most {MOST_SEGMENTS} are sent: shorten it")
        else:
            yield Finding(Severity.WARNING, f"{told}; each is paid for each person: shorten it if you can")
    if language == "ko" and (unfit := unfit_for_korea(text)):
        yield Finding(Severity.ERROR, f"Korean carriers drop the characters {unfit!r}; write it without them")


def subject_findings(subject: str) -> Iterator[Finding]:
    """A subject that is too long to be kept whole."""
    if len(subject) > LONGEST_SUBJECT:
        told = f"the subject has {len(subject)} characters, and is cut after {LONGEST_SUBJECT}; shorten it"
        yield Finding(Severity.ERROR, told)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by line; each once."""
    return tuple(
        sorted(dict.fromkeys(findings), key=lambda one: (one.severity is not Severity.ERROR, one.line, one.column))
    )


def _clipped(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
