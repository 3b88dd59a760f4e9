"""A world to break things in: cases, offices, supporters, and gateways with small troubles of their own.

Everything is generated; every address and number lies in the ranges that are reserved for tests. Addresses that are in
some trouble by script say so in their name, so the oracle can tell a scripted failure from one of ours.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = 12
#: Statuses whose alert goes to everybody at once, by standing approval and without a hold.
APPEALS = ("return_imminent", "extradition_imminent", "execution_imminent")
#: The one whose alert goes to those reached before.
FOLLOW_UP = "fate_unknown"

_TEXT = """
## title
Two refugees held at the border, {number}

## who
The two are **refugees**.

## request
We ask you to *intercede*.

## latest
They are held at the border.

## law
Nobody may be returned to torture.

## demands
- Do not return them.
- Say where they are.

## whereabouts
We do not know where they are.

## acknowledgement
We thank you for what you did.

## outcome
They are safe.
"""
_HEADINGS = (
    "name,email,phone,language,time_zone,wants_email,wants_sms,may_override_quiet_hours,"
    "quiet_from,quiet_until,consent_source,consented_at"
)
_MANY = 300  # as often as an address can be used in a run


@dataclass(frozen=True, slots=True)
class Size:
    """How large the world is, and how slow its gateways are (milliseconds)."""

    cases: int = CASES
    supporters: int = 60
    with_sms: int = 25
    mail_ms: int = 70
    sms_ms: int = 40
    fax_ms: int = 30
    page_ms: int = 40
    has_long_pauses: bool = True  # troubles after which the product waits for long


def reference(number: int) -> str:
    """Of the n-th case, from 0."""
    return f"UA-2026-{number + 1:04}"


def write_data(folder: Path, size: Size) -> None:
    """The files that the importers take: `directory.toml`, `supporters.csv` and one folder a case."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "directory.toml").write_text("\n".join(_office(number) for number in range(size.cases)))
    _write_supporters(folder / "supporters.csv", size)
    for number in range(size.cases):
        texts = folder / "cases" / reference(number) / "texts"
        texts.mkdir(parents=True, exist_ok=True)
        (texts / "en.md").write_text(_TEXT.format(number=number + 1))
        (texts.parent / "case.toml").write_text(_case(number))


def fax_number(kind: int, number: int) -> str:
    """`kind` 1: an official's fax; 2: the one to try next."""
    return f"+442079460{kind}{number:02}"


def sms_number(number: int) -> str:
    """Of the n-th supporter, from 0."""
    return f"+1303555{100 + number:04}"


def _office(number: int) -> str:
    """One addressee with two faxes and a mailbox; one who gets a copy; one whose mailbox is closed."""
    return f"""
[[office]]
slug = "minister-{number}"
country = "GB"
names = {{ en = "Minister of the Interior {number}" }}
time_zone = "Europe/London"
official = [
  {{ slug = "holder-{number}", names = {{ en = "Holder {number}" }}, salutations = {{ en = "Dear Minister" }} }},
]
contact_point = [
  {{ channel = "fax", rank = 1, dial_value = "{fax_number(1, number)}" }},
  {{ channel = "fax", rank = 2, dial_value = "{fax_number(2, number)}" }},
  {{ channel = "email", dial_value = "minister{number}@office.invalid" }},
]

[[office]]
slug = "envoy-{number}"
country = "GB"
names = {{ en = "Envoy {number}" }}
time_zone = "Europe/London"
official = [
  {{ slug = "envoy-holder-{number}", names = {{ en = "Envoy {number}" }}, salutations = {{ en = "Dear Envoy" }} }},
]
contact_point = [
  {{ channel = "email", rank = 1, dial_value = "closed.envoy{number}@office.invalid" }},
  {{ channel = "email", rank = 2, dial_value = "envoy{number}@office.invalid" }},
]
"""


def _case(number: int) -> str:
    return f"""
reference = "{reference(number)}"

[titles]
en = "Two refugees held at the border, {number + 1}"

[subjects]
en = "Two refugees held at the border, {number + 1}"

[[country]]
code = "GB"
role = "custodian"

[[addressee]]
office = "minister-{number}"
role = "to"

[[addressee]]
office = "envoy-{number}"
role = "cc"

[[person]]
key = "person-1"
descriptions = {{ en = "a refugee" }}
pronoun = "he"
"""


def _write_supporters(file: Path, size: Size) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, _HEADINGS.split(","))
        table.writeheader()
        for number in range(size.supporters):
            has_phone = number < size.with_sms
            table.writerow(
                {
                    "name": f"Friend {number}",
                    "email": mail_address(number),
                    "phone": sms_number(number) if has_phone else "",
                    "language": "en",
                    "time_zone": "UTC",
                    "wants_email": "yes",
                    "wants_sms": "yes" if has_phone else "no",
                    "may_override_quiet_hours": "no",
                    "quiet_from": "",
                    "quiet_until": "",
                    "consent_source": "form",
                    "consented_at": "2026-01-01",
                }
            )


#: By the number of the supporter: what the script makes of their address.
_TROUBLED_MAIL = {3: "bounces", 7: "greylisted", 11: "unanswered", 13: "dropped"}
_TROUBLED_SMS = {
    2: "unanswered", 4: "unanswered", 6: "unanswered", 5: "undelivered", 8: "doubled", 9: "late", 10: "disordered",
    12: "throttled",
}  # fmt: skip


def mail_address(number: int) -> str:
    """Of the n-th supporter, from 0. The trouble is part of the name."""
    trouble = _TROUBLED_MAIL.get(number, "friend")
    return f"{trouble}{number}@supporters.invalid"


def may_fail(channel: str, address: str) -> bool:
    """Whether the script may end a delivery to this address badly."""
    if channel == "email":
        return address.startswith(("bounces", "closed"))
    if channel == "sms":
        return address in {sms_number(number) for number, trouble in _TROUBLED_SMS.items() if trouble == "undelivered"}
    return int(address[-2:]) % 3 == 0 and address[-3] == "1"


def may_be_unknown(channel: str, address: str) -> bool:
    """Whether the script leaves messages to this address without an answer."""
    if channel == "email":
        return address.startswith(("unanswered", "dropped"))
    if channel == "sms":
        return address in {sms_number(number) for number, trouble in _TROUBLED_SMS.items() if trouble == "unanswered"}
    return int(address[-2:]) % 3 in (1, 2) and address[-3] == "1"


def script(size: Size) -> dict[str, Any]:
    """The sandbox's script of troubles, as `POST /script` takes it."""
    mails = [
        _rule("email", "closed.*@office.invalid", [{"smtp": "550 5.1.1 no such user"}], is_for_ever=True),
        _rule("email", "bounces*@supporters.invalid", [{"smtp": "550 5.1.1 no such user"}], is_for_ever=True),
        _rule("email", "greylisted*@supporters.invalid", [{"smtp": "451 4.3.0 come again"}, "ok"]),
        _rule("email", "unanswered*@supporters.invalid", ["drop_before_reply", "ok", "ok"]),
        _rule("email", "dropped*@supporters.invalid", ["drop_before_accept", "ok"]),
    ]
    silent = {"timeout_after_acceptance": True, "no_callback": True}  # only asking the gateway helps
    texts: dict[str, list[Any]] = {
        "unanswered": [silent, "ok", "ok"],
        "undelivered": [{"undelivered": 30008}, "ok"],
        "doubled": ["doubled"],
        "late": [{"late_ms": 1500}],
        "disordered": ["out_of_order"],
        "throttled": [{"http": 429, "code": 20429, "retry_after": 1}, "ok", "ok", "ok"],
    }
    if not size.has_long_pauses:
        texts["undelivered"] = ["ok"]
    smses = [_rule("sms", sms_number(number), texts[trouble]) for number, trouble in _TROUBLED_SMS.items()]
    calls: dict[int, list[Any]] = {
        0: [{"failure": "media_processing_exception"}],  # fails for good at its second try: the next number's turn
        1: ["busy" if size.has_long_pauses else "ok", silent],
        2: [{"doubled": True, "late_ms": 800}, silent, "out_of_order", silent],
    }
    faxes = [_rule("fax", fax_number(1, number), calls[number % len(calls)]) for number in range(size.cases)]
    return {
        "rules": mails + smses + faxes,
        "defaults": {
            "email": {"delay_ms": size.mail_ms},
            "sms": {"delay_ms": size.sms_ms, "callback_ms": 20},
            "fax": {"delay_ms": size.fax_ms, "callback_ms": 20, "page_ms": size.page_ms},
        },
    }


def _rule(channel: str, address: str, steps: list[Any], *, is_for_ever: bool = False) -> dict[str, Any]:
    if is_for_ever or len(steps) == 1:
        return {"channel": channel, "address": address, "steps": steps, "then": "repeat"}
    return {"channel": channel, "address": address, "steps": steps * (_MANY // len(steps)), "then": "ok"}
