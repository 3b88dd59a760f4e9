"""The demo's story: the sample case from detention to an unknown fate, with trouble on the way.

Every step goes through the doors that people and programs use: importers, the pipeline, the REST API, the gateways'
own protocols. Owns the order of events and the script of faults; what came of them is `demo_report`'s.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from django.db.models import Q

from urgentaction import pipeline
from urgentaction.accounts.service import make_token
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.standing import grant_standing_approval
from urgentaction.cases.folder import StoryStep, read_story
from urgentaction.cases.importing import import_case
from urgentaction.cases.service import UpdateText
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import UrgentActionError
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.rules import State
from urgentaction.directory.importing import import_directory
from urgentaction.directory.models import ContactPoint
from urgentaction.letters.sections import parse_sections
from urgentaction.receipts.models import Receipt
from urgentaction.supporters.importing import import_supporters
from urgentaction.supporters.models import Supporter, Suppression
from urgentaction.supporters.service import address_index

CASE = "UA-2015-0117"
OPERATOR = "cli:demo-operator"
APPROVER = "user:demo-duty-officer"
#: Rows of samples/supporters.csv (counted from 1) that meet trouble.
BOUNCES, STOPPED, TIMES_OUT = 17, 23, 42
#: So many mails must be out when the last update arrives, and some must not: slowly enough for a busy machine too.
REACHED_BEFORE_STOP = 40
MAIL_PAUSE_MS = 180
PATIENCE = 90.0


class DemoFailed(UrgentActionError):
    """Something the demo promises did not happen. The message says what, and where to look."""


@dataclass(slots=True)
class Story:
    """What happened, for the report."""

    say: Callable[[str], None]
    base_url: str
    outbox_url: str
    samples: Path
    updates: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    api_answers: list[int] = field(default_factory=list)
    steps: list[StoryStep] = field(default_factory=list)

    def run(self) -> None:
        """Everything, from the empty database to the last receipt. Raises DemoFailed."""
        self._load_samples()
        self._someone_says_stop()
        self._detained()
        self._return_imminent()
        self._fate_unknown()
        self._wait_for_the_end()

    # The scenes.

    def _load_samples(self) -> None:
        self.say("Loading the sample case, the directory and 200 supporters")
        import_directory(self.samples / "directory.toml", by=OPERATOR)
        folder = self.samples / "cases" / CASE
        import_case(folder, by=OPERATOR, check_text=parse_sections)
        self.steps = [step for step in read_story(folder) if step.is_in_demo]
        import_supporters(self.samples / "supporters.csv", by=OPERATOR)
        for rule in ("imminent", "at-risk", "fate-unknown"):
            grant_standing_approval(rule, by=APPROVER, actor=OPERATOR)

    def _someone_says_stop(self) -> None:
        self.say(f"Earlier: supporter {STOPPED} answers STOP to a text message")
        phone = supporter_row(STOPPED).phone
        self._sandbox("/inbound/sms", {"from": phone, "to": "+12025550101", "body": "STOP"})
        index = address_index(Channel.SMS, phone)
        self._until("the STOP to be applied", lambda: Suppression.objects.filter(address_index=index).exists())

    def _detained(self) -> None:
        self.say("24 October 2015: confirmed, detained at Dongxing. Letters and notices go out")
        told = _told(self.steps[0])
        reported = pipeline.report_update(CASE, told, by=OPERATOR, dated_on=told.as_of)
        self._note(told, reported.alerts, via="command line")
        self.say("  held for ten minutes so that anyone could stop it; the duty officer lets it go now")
        for alert in reported.alerts:
            pipeline.let_go(alert.id, by=APPROVER)
        self._until("the first alert to be sent", lambda: self._is_quiet(self.alerts[0]))

    def _return_imminent(self) -> None:
        self.say(
            "24 November 2015: held at Tumen, return imminent. Trouble is scripted; the update comes by REST, twice"
        )
        self._script_trouble()
        token, secret = make_token(
            "demo", scopes=["updates:write", "alerts:read"], lifetime=timedelta(hours=1), by=OPERATOR
        )
        step = self.steps[1]
        body = {
            "status": step.status,
            "place": step.place,
            "as_of": step.as_of.isoformat(),
            "confidence": step.confidence,
            "letters_dated_on": step.as_of.isoformat(),
        }
        key = f"demo-{uuid.uuid4()}"
        for _ in range(2):
            answer = httpx.post(
                f"{self.base_url}/api/v1/cases/{CASE}/updates",
                json=body,
                headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": key},
                timeout=30,
                trust_env=False,
            )
            self.api_answers.append(answer.status_code)
            if not answer.is_success:
                raise DemoFailed(f"The API answered {answer.status_code}: {answer.text[:300]}")
        made = list(Alert.objects.filter(case__reference=CASE, update__recorded_by=f"token:{token.prefix}"))
        if len(made) != 1:
            raise DemoFailed(f"Two requests with one Idempotency-Key made {len(made)} alerts; it must be one.")
        self._note(_told(step), made, via="REST, twice with one key")

    def _fate_unknown(self) -> None:
        alert = self.alerts[-1]
        mail = Delivery.objects.filter(alert=alert, role="supporter", channel="email")
        self._until(
            "part of the supporter mail to be out, and the troubled ones to come to their end",
            lambda: mail.filter(state=State.ACCEPTED).count() >= REACHED_BEFORE_STOP and self._trouble_is_over(alert),
        )
        self.say("2 December 2015: their fate is unknown, while the supporter mail is still going out")
        told = _told(self.steps[2])
        reported = pipeline.report_update(CASE, told, by=OPERATOR, dated_on=told.as_of)
        self._note(told, reported.alerts, via="command line")
        unsent = Delivery.objects.filter(
            alert=alert, role="supporter", state__in=[State.QUEUED, State.LEASED, State.WITHDRAWN]
        ).count()
        if unsent == 0:
            raise DemoFailed("The mailing was over before the last update came; there was nothing left to withdraw.")
        self.say(f"  {unsent} messages to supporters had not left yet; they are withdrawn in that same moment")

    def _wait_for_the_end(self) -> None:
        self.say("Waiting until every single delivery has come to its end")
        self._until(
            "the follow-up to be sent", lambda: Alert.objects.get(id=self.alerts[-1].id).expanded_at is not None
        )
        self._until("every delivery to reach its end", lambda: all(self._is_quiet(alert) for alert in self.alerts))
        self._until("every receipt to be applied", lambda: not Receipt.objects.filter(applied_at=None).exists())
        self._until("the human task", lambda: HumanTask.objects.filter(kind="reach_official").exists())
        for alert in self.alerts:
            alert.refresh_from_db()

    # What the scenes share.

    def _trouble_is_over(self, alert: Alert) -> bool:
        """The busy fax has gone through, the bounce is known, the text message without an answer is settled."""
        rows = Delivery.objects.filter(alert=alert)
        return (
            rows.filter(role="to", channel="fax", state=State.DELIVERED).exists()
            and rows.filter(supporter=supporter_row(BOUNCES), state=State.FAILED).exists()
            and rows.filter(supporter=supporter_row(TIMES_OUT), channel="sms", state=State.DELIVERED).exists()
        )

    def _script_trouble(self) -> None:
        """The President's fax is busy once, one CC refuses for good, one supporter bounces, one SMS gets no answer."""
        fax = ContactPoint.objects.get(office__slug="kr-president", channel="fax")
        refusing = ContactPoint.objects.get(office__slug="kr-unification-minister", channel="email")
        rules = [
            {"channel": "fax", "address": fax.dial_value, "steps": ["busy"]},
            {"channel": "email", "address": refusing.dial_value, "steps": [NO_SUCH_USER], "then": "repeat"},
            {"channel": "email", "address": supporter_row(BOUNCES).email, "steps": [NO_SUCH_USER], "then": "repeat"},
            {"channel": "sms", "address": supporter_row(TIMES_OUT).phone, "steps": ["timeout_after_acceptance"]},
        ]
        self._sandbox("/script", {"rules": rules, "defaults": {"email": {"delay_ms": MAIL_PAUSE_MS}}})

    def _sandbox(self, path: str, body: dict[str, Any]) -> None:
        answer = httpx.post(f"{self.outbox_url}{path}", json=body, trust_env=False, timeout=30)
        if not answer.is_success:
            raise DemoFailed(f"The sandbox refused {path}: {answer.text[:300]}")

    def _note(self, told: UpdateText, alerts: list[Alert] | tuple[Alert, ...], *, via: str) -> None:
        self.updates.append(
            {
                "status": told.status.value,
                "place": told.place,
                "as_of": told.as_of.isoformat(),
                "confidence": told.confidence.value,
                "via": via,
                "alerts": [alert.number for alert in alerts],
            }
        )
        if not alerts:
            raise DemoFailed(f"The update {told.status} made no alert.")
        self.alerts.extend(alerts)
        for alert in alerts:
            level = f"level {alert.level}" if alert.level else "no level"
            self.say(f"  alert {alert.number}: {alert.kind}, {level}")

    def _is_quiet(self, alert: Alert) -> bool:
        """Expanded (or stopped), and nothing is on its way, unsettled, or waiting for a receipt that will come."""
        row = Alert.objects.get(id=alert.id)
        if row.state in (AlertState.HELD, AlertState.RUNNING) and row.expanded_at is None:
            return False
        moving = Q(state__in=[State.QUEUED, State.LEASED, State.SENDING, State.UNKNOWN])
        waiting = Q(state=State.ACCEPTED, channel__in=["fax", "sms"])
        return not Delivery.objects.filter(moving | waiting, alert=row).exists()

    def _until(self, what: str, is_true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not is_true():
            if time.monotonic() > end:
                raise DemoFailed(f"Waited {PATIENCE:.0f} s for {what}; the logs are in var/demo/run/log.")
            time.sleep(0.1)


NO_SUCH_USER = {"smtp": "550 5.1.1 no such user"}


def _told(step: StoryStep) -> UpdateText:
    return UpdateText(
        status=step.status,
        confidence=step.confidence,
        as_of=step.as_of,
        reported_at=clock.now(),
        place=step.place,
    )


def supporter_row(number: int) -> Supporter:
    """The supporter in row `number` of the sample file: ids are made in the file's order."""
    return Supporter.objects.order_by("id")[number - 1]
