"""Messages and configurations that the tests of this folder and of tests/channels start from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from urgentaction.channels.contract import GatewayConfig, Mode, OutgoingEmail, OutgoingFax, OutgoingSms
from urgentaction.channels.mailing import Copy, Mailing

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

#: A notice to supporters, with marks for a name, the link to unsubscribe and one other; and one supporter's copy.
MAILING = Mailing(
    key="n-0001/en",
    sender="alerts@urgentaction.invalid",
    sender_name="Urgent Action",
    reply_to="reply@urgentaction.invalid",
    date=datetime(2015, 11, 24, 9, 30, tzinfo=UTC),
    subject="UA 117/15: Nine people at risk of return",
    text="Dear MARK0NAME,\n\n.a line that starts with a dot\n\nTo hear no more of us: MARK0LINK\n",
    html='<p>Dear MARK0NAME,</p>\n<p>To hear no more of us: <a href="MARK0LINK">MARK0LINK</a></p>\n',
    language="en",
    headers=(
        ("List-Id", "<supporters.urgentaction.invalid>"),
        ("List-Unsubscribe", "<MARK0LINK>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
    marks=("MARK0NAME", "MARK0LINK", "MARK0OTHER"),
)

COPY = Copy(
    reference="d-0001",
    attempt=1,
    to="supporter@mail.invalid",
    return_path="b+d-0001@bounces.urgentaction.invalid",
    message_id="<d-0001@bounces.urgentaction.invalid>",
    values=("Mary Robinson", "https://urgentaction.invalid/unsubscribe/dG9rZW4tb2YtMzgtY2hhcmFjdGVycy0wMTIz/", ""),
)


def config(kind: str, options: Mapping[str, str], *, mode: Mode = Mode.SANDBOX) -> GatewayConfig:
    return GatewayConfig(name=f"{kind}-test", kind=kind, mode=mode, options=options)
