"""Notices through a mail provider: few requests, everybody's own copy, and what is reported lands where it belongs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer

from tests.flow.returning import is_suppressed
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.alerts.models import Alert
from urgentaction.channels import http
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.references import message_id, reference_of
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending

PROVIDERS = ("postmark", "mailgun")
REQUESTS: list[str] = []


@pytest.fixture(params=PROVIDERS)
def provider(
    request: pytest.FixtureRequest, sandbox: SandboxProgram, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """All mail goes through this provider; `REQUESTS` holds what was asked of it."""
    provider_name = request.param
    settings.GATEWAYS = {
        "esp": sandbox.esp_options(request.param),
        "telnyx": sandbox.gateway_options()["telnyx"],
        "twilio": sandbox.gateway_options()["twilio"],
    }
    settings.MAIL_WINDOW = settings.CLAIM_SIZE = 100
    close_gateways()
    asked = http.hand_over

    def counted(client: httpx.Client, asked_for: httpx.Request, *, auth: tuple[str, str] | None = None) -> Any:
        if asked_for.url.path.startswith(f"/{provider_name}/"):
            REQUESTS.append(str(asked_for.url))
        return asked(client, asked_for, auth=auth)

    monkeypatch.setattr(http, "hand_over", counted)
    REQUESTS.clear()
    yield request.param
    close_gateways()


def entries(sandbox: SandboxProgram, since: int) -> dict[str, dict[str, Any]]:
    """What the provider took after that entry, by address; each of them once."""
    found = [entry for entry in sandbox.ledger(since) if entry["channel"] == "email"]
    assert len({entry["to"] for entry in found}) == len(found)
    return {entry["to"]: entry for entry in found}


def mail(sandbox: SandboxProgram, entry: dict[str, Any]) -> EmailMessage:
    return message_from_bytes((sandbox.data / entry["file"]).read_bytes(), policy=policy.default)


def last(sandbox: SandboxProgram) -> int:
    return max((entry["seq"] for entry in sandbox.ledger()), default=0)


def rows(alert: Alert) -> dict[str, Delivery]:
    """The mail to supporters, by address."""
    found = Delivery.objects.filter(alert=alert, channel="email").exclude(supporter=None).select_related("supporter")
    return {row.supporter.email: row for row in found if row.supporter is not None}


def send_all(world: World) -> None:
    while world.send():
        pass


def test_a_mailing_to_six_hundred_takes_few_requests_and_each_reads_their_own(
    provider: str, world: World, sandbox: SandboxProgram
) -> None:
    world.more_supporters(597)
    before = last(sandbox)
    alert = world.start()
    send_all(world)
    taken, sent = entries(sandbox, before), rows(alert)
    assert len(sent) == 600
    assert {row.state for row in sent.values()} <= {"accepted", "delivered"}
    letters = Delivery.objects.filter(alert=alert, channel="email", supporter=None).count()
    assert len(REQUESTS) - letters <= 7
    links = set()
    for address, row in sent.items():
        entry = taken[address]
        assert entry["client_state"] == reference_of(row.id)
        assert entry["ref"] == row.gateway_ref
        read = mail(sandbox, entry)
        link = read["List-Unsubscribe"].strip(" <>")
        links.add(link)
        for kind in ("plain", "html"):
            body = read.get_body((kind,))
            assert body is not None
            assert link in re.sub(r"\s", "", body.get_content())
        if provider == "postmark":
            assert read["Message-ID"] == message_id(reference_of(row.id))
    assert len(links) == 600


@pytest.fixture
def hooks(live_server: LiveServer, settings: Any, sandbox: SandboxProgram) -> str:
    """The provider reports to our own web process."""
    settings.PUBLIC_URL = live_server.url
    url = f"{live_server.url}/hooks/esp/"
    sandbox.script(inbound={"esp_url": url})
    return url


def reported(count: int) -> None:
    """Wait until so many reports of the provider are stored, and apply them; what others report comes between."""
    ends, reports = time.monotonic() + 20, Receipt.objects.filter(gateway="esp")
    while reports.count() < count:
        assert time.monotonic() < ends, f"{reports.count()} of {count} reports came"
        time.sleep(0.02)
    apply_pending()


@pytest.mark.usefixtures("hooks")
def test_what_the_provider_reports_lands_at_the_right_delivery(
    provider: str, world: World, sandbox: SandboxProgram
) -> None:
    friends = [friend.email for friend in world.supporters]
    office = "minister@office.invalid"
    steps = {
        friends[0]: {"smtp": "550 5.1.1 no such user", "doubled": True},
        friends[1]: {"complaint": True},
        office: {"complaint": True},
    }
    sandbox.script(*({"channel": "email", "address": to, "steps": [step]} for to, step in steps.items()))
    alert = world.start()
    send_all(world)
    # Five mails; one of them bounces, four arrive, of two of which somebody complains.
    assert Delivery.objects.filter(alert=alert, channel="email").count() == 5
    reported(7)
    states = {address: row.state for address, row in rows(alert).items()}
    assert states == {friends[0]: "failed", friends[1]: "delivered", friends[2]: "delivered"}
    assert [is_suppressed(address) for address in (*friends, office)] == [True, True, False, False]
    assert set(Receipt.objects.filter(gateway="esp").values_list("reference", flat=True)) == {
        reference_of(row.id) for row in Delivery.objects.filter(alert=alert, channel="email")
    }
    assert HumanTask.objects.filter(key__startswith="complaint:").count() == 1
    connections.close_all()


def test_a_batch_whose_answer_is_lost_is_unknown_for_exactly_those(
    provider: str, world: World, sandbox: SandboxProgram, settings: Any
) -> None:
    settings.GATEWAYS["esp"] |= {"batch": "4", "gateway_timeout_seconds": "1"}
    settings.MAIL_WINDOW = 4
    close_gateways()
    world.more_supporters(9)
    before = last(sandbox)
    sandbox.script({"channel": "email", "address": "other3@supporters.invalid", "steps": ["timeout_after_acceptance"]})
    alert = world.start()
    send_all(world)
    unknown = {address for address, row in rows(alert).items() if row.state == "unknown"}
    assert "other3@supporters.invalid" in unknown
    assert len(unknown) == 4
    assert unknown <= entries(sandbox, before).keys()
    assert all(row.state in {"accepted", "unknown"} for row in rows(alert).values())
