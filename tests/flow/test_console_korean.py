"""The console as somebody reads it in Korean at night: what rooms say is Korean, what they store stays English."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.flow.callers import staff, text
from tests.flow.composing import composed, seen, submitted
from tests.flow.world import World
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Refused, RetryClass
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.pausing import pause_for
from urgentaction.deliveries.rules import State
from urgentaction.deliveries.unknowns import ask_a_person

pytestmark = pytest.mark.django_db(transaction=True)

HANGUL = re.compile(r"[가-힣]")


@pytest.fixture
def mina() -> Client:
    """An approver who reads Korean."""
    client = staff(Role.APPROVER, "mina")
    User.objects.filter(username="mina").update(language="ko")
    return client


@pytest.fixture
def draft(world: World) -> Alert:
    return world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]


class TestTasks:
    def test_a_draft_that_waits(self, draft: Alert, mina: Client) -> None:
        for path in ("/console/", "/console/tasks/", f"/console/cases/{draft.case.reference}/"):
            page = text(mina.get(path))
            assert f"긴급행동 {draft.number}이(가) 결정을 기다립니다 (강제송환 임박, 소문)" in page, path
        page = text(mina.get(f"/console/tasks/{HumanTask.objects.get().id}/"))
        assert "나가는 내용을 읽은 뒤 승인하거나 반려하십시오." in page
        assert "urgentaction alert" not in page, "a page names its own deeds"

    def test_an_unknown(self, world: World, mina: Client) -> None:
        fax = world.start().deliveries.get(channel="fax")
        Delivery.objects.filter(id=fax.id).update(
            state=State.UNKNOWN.value, gateway="telnyx", reason="unknown: no trace at the gateway yet"
        )
        fax.refresh_from_db()
        ask_a_person(fax)
        page = text(mina.get(f"/console/tasks/{HumanTask.objects.get().id}/"))
        assert f"긴급행동 {fax.alert.number}의 발송 {fax.id}(팩스)이 도착했습니까?" in page
        assert "urgentaction delivery" not in page
        page = text(mina.get(f"/console/deliveries/{fax.id}/"))
        assert "결과 불명: 게이트웨이에 아직 흔적 없음" in page
        assert "대통령" not in page, "an office without a Korean name keeps its English one"
        assert "Office of the president" in page

    def test_a_gateway_that_wants_to_be_put_right(self, world: World, mina: Client) -> None:
        pause_for("telnyx", Refused(RetryClass.FIX_FIRST, "401", "Bad key."))
        page = text(mina.get("/console/"))
        assert "게이트웨이 telnyx이(가) 우리 설정을 거부합니다: 401" in page
        assert "Bad key. 인증 정보나 발신자, 문서를 바로잡고" in page, "the gateway's own words stay"
        assert "`urgentaction" not in page


class TestRefusals:
    def test_approving(self, world: World, draft: Alert, mina: Client) -> None:
        alert = composed(staff(Role.EDITOR), world)
        said = text(mina.post(f"/console/alerts/{alert.id}/approve/", {"hold_minutes": "0", "seen": "x"}, follow=True))
        assert f"긴급행동 {alert.number}은(는) 아직 작성 중입니다. 먼저 승인을 요청하십시오." in said

    def test_ending_a_hold_that_there_is_not(self, draft: Alert, mina: Client) -> None:
        said = text(mina.post(f"/console/alerts/{draft.id}/let-go/", follow=True))
        assert f"긴급행동 {draft.number}의 상태는 “초안”입니다. 보류 중인 것만 바로 시작할 수 있습니다." in said

    def test_withdrawing_what_is_over(self, draft: Alert, mina: Client) -> None:
        path = f"/console/alerts/{draft.id}/withdraw/"
        mina.post(path, {"reason": "x"})
        said = text(mina.post(path, {"reason": "x"}, follow=True))
        assert "이미 “철회됨”입니다. 중단할 것이 없습니다." in said

    def test_settling_what_is_not_unknown(self, world: World, mina: Client) -> None:
        fax = world.start().deliveries.get(channel="fax")
        form = {"arrived": "yes", "reason": "전화로 확인"}
        said = text(mina.post(f"/console/deliveries/{fax.id}/settle/", form, follow=True))
        assert "결과 불명인 것만 확정할 수 있습니다" in said

    def test_recording_what_can_not_be(self, world: World, mina: Client) -> None:
        tomorrow = (timezone.localdate() + timedelta(days=3)).isoformat()
        told = {"status": "detained", "confidence": "confirmed", "as_of": tomorrow}
        page = text(mina.post(f"/console/cases/{world.case.reference}/update/preview/", told), 422)
        assert "은(는) 미래입니다. 실제로 그러했던 날을 적으십시오" in page


def test_what_is_stored_is_english_whoever_is_logged_in(world: World, draft: Alert, mina: Client) -> None:
    """Pages, logs and programs in every language read the same rows."""
    told = {"status": "detained", "confidence": "confirmed", "as_of": timezone.localdate().isoformat()}
    page = text(mina.post(f"/console/cases/{world.case.reference}/update/preview/", told))
    agreed = re.search(r'name="agreed" value="(\w+)"', page)
    assert agreed is not None
    mina.post(f"/console/cases/{world.case.reference}/update/record/", {**told, "agreed": agreed[1]})
    assert Alert.objects.get(id=draft.id).stop_reason.startswith("overtaken: detained")
    alert = submitted(staff(Role.EDITOR), world)
    mina.post(f"/console/alerts/{alert.id}/approve/", {"hold_minutes": "15", "seen": seen(mina, alert), "comment": ""})
    mina.post(f"/console/alerts/{alert.id}/take-back/")
    alert.refresh_from_db()
    assert alert.stop_reason == "approval taken back"
    stored = [
        *Alert.objects.values_list("stop_reason", flat=True),
        *(line for row in HumanTask.objects.values_list("title", "advice", "result") for line in row),
        *Delivery.objects.values_list("reason", flat=True),
        *(str(detail) for detail in AuditEntry.objects.values_list("detail", flat=True)),
    ]
    assert [one for one in stored if HANGUL.search(one)] == []
    assert "더 새로운 상황으로 대체됨" in text(mina.get("/console/")), "but it is read in Korean"
