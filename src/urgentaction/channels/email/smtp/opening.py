"""Opening a connection: smtplib connects, greets, encrypts and logs in, and what goes wrong there gets a name."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass

from urgentaction.channels.contract import Refused, RetryClass
from urgentaction.channels.email.smtp.codes import Step
from urgentaction.channels.email.smtp.replies import Reply, faulty
from urgentaction.channels.email.smtp.session import Endpoint, Session


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password, kept out of every repr."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "<Credentials>"


def open_session(endpoint: Endpoint, credentials: Credentials | None) -> Session | Refused:
    """Connect, EHLO, STARTTLS, AUTH. A refusal says why there is no session; nothing was sent."""
    smtp: smtplib.SMTP | None = None
    try:
        smtp = _connect(endpoint)
        smtp.ehlo_or_helo_if_needed()
        if endpoint.tls == "starttls":
            smtp.starttls(context=endpoint.context)
            smtp.ehlo_or_helo_if_needed()
        if credentials is not None:
            smtp.login(credentials.username, credentials.password)
        return Session(smtp, endpoint)
    except (OSError, ValueError) as error:
        if smtp is not None:
            smtp.close()
        return _refusal_of_opening(error)


def _connect(endpoint: Endpoint) -> smtplib.SMTP:
    if endpoint.tls == "tls":
        return smtplib.SMTP_SSL(
            endpoint.host, endpoint.port, endpoint.helo, timeout=endpoint.reply_seconds, context=endpoint.context
        )
    return smtplib.SMTP(endpoint.host, endpoint.port, endpoint.helo, timeout=endpoint.reply_seconds)


def _refusal_of_opening(error: Exception) -> Refused:
    match error:
        case smtplib.SMTPResponseException():
            words = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else ""
            return Reply(int(error.smtp_code), words).refusal(Step.OPENING)
        case smtplib.SMTPServerDisconnected():
            return faulty("closed", "The mail server hung up or fell silent while greeting.")
        case smtplib.SMTPNotSupportedError():
            return _blaming_us("not-offered", "The mail server offers no STARTTLS or no AUTH.")
        case smtplib.SMTPException():
            return _blaming_us("auth", "No way to log in that both sides know.")
        case ssl.SSLCertVerificationError():
            return _blaming_us("tls", "The mail server's certificate was not accepted.")
        case ValueError():
            return _blaming_us("login", "User name or password can't be sent (non-ASCII).")
        case _:
            return faulty("connect", f"No connection to the mail server ({type(error).__name__}).")


def _blaming_us(code: str, text: str) -> Refused:
    return Refused(RetryClass.FIX_FIRST, code, text, is_about_us=True)
