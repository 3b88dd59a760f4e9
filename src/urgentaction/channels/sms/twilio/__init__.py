"""SMS through Twilio's Messages API (2010-04-01), with Twilio's SDK over our own HTTP client.

codes.py     what an error code means for the next try
client.py    the SDK's `HttpClient` on httpx: base URL, Retry-After, the point of no return
gateway.py   submit, callbacks, look-up, cancel
inbound.py   what a reply of a person means: STOP, START, or a message to read

Options (`URGENTACTION_TWILIO_…`): base_url, account_sid, auth_token, and messaging_service_sid or sender.

Twilio echoes nothing of ours, so our reference travels in the callback URL's query, `?ref=<reference>`.
"""

from urgentaction.channels.sms.twilio.gateway import KIND

__all__ = ["KIND"]
