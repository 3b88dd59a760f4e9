"""Strict JSON in: names once, no NaN, bounded size; and the field types that inputs are made of."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any, NoReturn

from django.http import HttpRequest, HttpResponse
from ninja import Schema
from ninja.parser import Parser
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field

from urgentaction.cases.vocabulary import Confidence, Status, parse_confidence, parse_status
from urgentaction.core.errors import InvalidInput, Problem

from .problems import problem

BODY_LIMIT = 64 * 1024
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200


class StrictParser(Parser):
    """JSON as RFC 8259 means it. A name that stands twice has no meaning, so it is refused, not guessed."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body. Raises ValueError, which the API answers with 400."""
        parsed: dict[str, Any] = json.loads(
            request.body.decode("utf-8"), object_pairs_hook=_names_once, parse_constant=_no_constant
        )
        return parsed


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def refuse_body(request: HttpRequest, *, limit: int, must_be_json: bool) -> HttpResponse | None:
    """413 or 415 for a body that is not even read, else None.

    A body without Content-Length is never read either: WSGI servers hand Django an empty one.
    """
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > limit:
        return problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has {length} bytes; at most {limit} are taken. Shorten it."
        )
    if must_be_json and length and request.content_type != "application/json":
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body as Content-Type: application/json.")
    return None


class Strict(Schema):
    """An input: what is not in it is refused, so that a misspelt field is never silently lost."""

    model_config = ConfigDict(extra="forbid")


def refuse_strange_query(request: HttpRequest, known: type[Strict]) -> None:
    """Ninja drops what it does not know of a query; a misspelt `dry_run` must not turn into a real run.

    Raises:
        InvalidInput: a name that the operation does not have, or one that stands twice.
    """
    problems = [
        Problem(name[:60], "is not known here; check the spelling or leave it out")
        for name in request.GET
        if name not in known.model_fields
    ]
    problems += [Problem(name, "stands twice; give it once") for name, given in request.GET.lists() if len(given) > 1]
    if problems:
        raise InvalidInput(problems)


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("should be a text in quotation marks")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("contains a line break or control character; write it on one line")
    return value


def _no_controls(value: str) -> str:
    if any(character < " " and character not in "\n\r\t" for character in value):
        raise ValueError("contains a control character; only line breaks and tabs are taken")
    return value


def _in_range(value: date) -> date:
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise ValueError(f"should lie between {EARLIEST_YEAR} and {LATEST_YEAR}")
    return value


def _in_utc(value: datetime) -> datetime:
    _in_range(value)
    return value.astimezone(UTC)


def _status(value: object) -> Status:
    try:
        return parse_status(str(_text_only(value)))
    except InvalidInput as error:
        raise ValueError(error.problems[0].message) from error


def _confidence(value: object) -> Confidence:
    try:
        return parse_confidence(str(_text_only(value)))
    except InvalidInput as error:
        raise ValueError(error.problems[0].message) from error


def _true_or_false(value: object) -> bool:
    if value not in ("true", "false"):
        raise ValueError("should be `true` or `false`")
    return value == "true"


StatusWord = Annotated[Status, BeforeValidator(_status)]
ConfidenceWord = Annotated[Confidence, BeforeValidator(_confidence)]
#: A calendar day, `2015-11-24`.
Day = Annotated[date, BeforeValidator(_text_only), AfterValidator(_in_range)]
#: A moment with its offset, `2015-11-24T09:00:00+08:00` (RFC 3339); UTC from here on.
Moment = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_in_utc)]
Line = Annotated[str, Field(max_length=120), AfterValidator(_printable)]
Reason = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Paragraphs = Annotated[str, Field(max_length=10_000), AfterValidator(_no_controls)]
PersonKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,20}$", examples=["UA-2015-0117"])]
AlertNumber = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,20}/[0-9]{1,6}$", examples=["UA-2015-0117/2"])]
YesOrNo = Annotated[bool, BeforeValidator(_true_or_false)]
PageSize = Annotated[int, Field(ge=1, le=500)]
