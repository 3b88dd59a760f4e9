"""Mail by SMTP submission (RFC 6409): one's own mail server or a provider's.

codes.py     what a reply means for the next try
message.py   one `OutgoingEmail` as bytes (MIME)
session.py   one connection: smtplib opens it, the transaction is ours
gateway.py   the gateway: keeps a session, reuses it, replaces it

Options (`URGENTACTION_SMTP_…`): host, port, username, password, tls (`starttls`, `tls`, `none`), helo.
No callbacks and no look-up: what happens later comes back as a bounce to the return path.
"""

from urgentaction.channels.email.smtp.gateway import KIND

__all__ = ["KIND"]
