"""SMS through Twilio's Messages API (2010-04-01), with Twilio's SDK over our own HTTP client.

codes.py     what an error code means for the next try
client.py    the SDK's `HttpClient` on httpx: base URL, Retry-After, the point of no return
gateway.py   submit, callbacks, look-up, cancel
inbound.py   what a reply of a person means: STOP, START, or a message to read

Options (`URGENTACTION_TWILIO_…`): base_url, account_sid, auth_token, and messaging_service_sid or sender.

Twilio echoes nothing of ours, so our reference travels in the callback URL's query, `?ref=<reference>`.
"""

from http import HTTPStatus

from urgentaction.channels.contract import Channel
from urgentaction.channels.options import Acknowledgement, GatewayClass, GatewayKind, Option
from urgentaction.channels.sms.twilio.codes import ABOUT_US, ATTEMPT_LIMITS

__all__ = ["AT_ONCE", "KIND", "MOST_AT_ONCE"]

#: Requests under way together, in each process. Twilio bounds them for the whole account, and answers 429 beyond that.
AT_ONCE, MOST_AT_ONCE = 16, 64
#: Twilio runs the answer to a callback as TwiML: an empty document sends no reply to the person.
_NO_REPLY = Acknowledgement(HTTPStatus.OK, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")


def _load() -> GatewayClass:
    # Twilio's SDK comes along with it, and requests with that.
    from urgentaction.channels.sms.twilio.gateway import TwilioSms  # noqa: PLC0415

    return TwilioSms


KIND = GatewayKind(
    kind="twilio",
    channel=Channel.SMS,
    options=(
        Option("base_url", "SMS API", default="https://api.twilio.com"),
        Option("account_sid", "account SID, AC…", is_required=True),
        Option("auth_token", "auth token; it also signs the callbacks", is_required=True, is_secret=True),
        Option("messaging_service_sid", "messaging service, MG…"),
        Option("sender", "or a sending number, E.164"),
        Option("at_once", f"requests under way together, 1 to {MOST_AT_ONCE}", default=str(AT_ONCE)),
    ),
    load=_load,
    attempt_limits=ATTEMPT_LIMITS,
    acknowledgement=_NO_REPLY,
    about_us=frozenset(map(str, ABOUT_US)),
)
