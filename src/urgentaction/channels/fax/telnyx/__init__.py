"""Fax through Telnyx's Programmable Fax API, v2.

codes.py     what a `failure_reason` or an API error means for the next try
gateway.py   submit, callbacks (Ed25519), look-up, cancel

Options (`URGENTACTION_TELNYX_…`): base_url, api_key, connection_id, public_key, sender.

Our reference travels as `client_state` (base64) and comes back with every callback and listing. The API has no
idempotency key and does not retry; both are ours. Telnyx fetches the PDF from `media_url`, which must answer 2xx
without redirects.
"""

from urgentaction.channels.fax.telnyx.gateway import KIND

__all__ = ["KIND"]
