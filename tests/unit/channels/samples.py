"""Messages and configurations that the tests of this folder and of tests/channels start from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from urgentaction.channels.contract import GatewayConfig, Mode, OutgoingEmail, OutgoingFax, OutgoingSms

MAIL = OutgoingEmail(
    reference="d-0001",
    attempt=1,
    to="minister@office.invalid",
    sender="alerts@urgentaction.invalid",
    sender_name="Urgent Action",
    reply_to="reply@urgentaction.invalid",
    return_path="b-0001@bounces.urgentaction.invalid",
    message_id="<d-0001@urgentaction.invalid>",
    date=datetime(2015, 11, 24, 9, 30, tzinfo=UTC),
    subject="Nine people at risk of return",
    text="Your Excellency,\n.a line that starts with a dot\n..and one with two\n",
)

FAX = OutgoingFax(
    reference="d-0002",
    attempt=1,
    to="+12025550123",
    sender="+12025550100",
    media_url="http://127.0.0.1:1/letter.pdf",
    callback_url="http://127.0.0.1:1/hooks/telnyx/?ref=d-0002",
)

SMS = OutgoingSms(
    reference="d-0003",
    attempt=1,
    to="+442079460123",
    text="긴급: Tumen. Reply STOP to end.",
    callback_url="http://127.0.0.1:1/hooks/twilio/?ref=d-0003",
)


def config(kind: str, options: Mapping[str, str], *, mode: Mode = Mode.SANDBOX) -> GatewayConfig:
    return GatewayConfig(name=f"{kind}-test", kind=kind, mode=mode, options=options)
