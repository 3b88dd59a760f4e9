"""Mail by SMTP submission (RFC 6409): one's own mail server or a provider's.

codes.py     what a reply means for the next try
replies.py   replies out of bytes, and what each says of the message it answers
opening.py   smtplib connects, greets, encrypts and logs in
session.py   one connection: one transaction after the other
lane.py      one connection with a mailing on it: the next envelope travels with the message before it
window.py    a window of a mailing over several lanes
pool.py      the connections, kept and lent
gateway.py   the gateway

Options (`URGENTACTION_SMTP_…`): host, port, username, password, tls (`starttls`, `tls`, `none`), helo, connections.
No callbacks and no look-up: what happens later comes back as a bounce to the return path.
"""

from urgentaction.channels.email.smtp.gateway import KIND

__all__ = ["KIND"]
