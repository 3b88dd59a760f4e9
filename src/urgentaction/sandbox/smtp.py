"""The SMTP server (RFC 5321): takes mail for reserved addresses, writes it down, answers, and misbehaves on request.

aiosmtpd speaks the protocol. Ours are: PIPELINING and ENHANCEDSTATUSCODES (RFC 2920, RFC 2034), which it leaves to
its user, the ledger, and the faults.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .certificate import make_certificate
from .config import Config, is_reserved_address
from .faults import OK, Step
from .state import State, digest

SIZE_LIMIT = 26_214_400  # what large providers take: 25 MiB
_ENHANCED = re.compile(r"[245]\d\d [245]\.\d+\.\d+ ")
#: For replies that aiosmtpd makes itself, which carry no enhanced code.
_DEFAULT_CODES = {
    "221": "2.0.0",
    "250": "2.0.0",
    "252": "2.5.0",
    "450": "4.0.0",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "530": "5.7.0",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.0.0",
    "555": "5.5.4",
}


class ScriptedEnvelope(Envelope):
    """An envelope that remembers what is to happen to whom."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[str, Step] = {}
        self.goes_on_without_recipients = False

    @property
    def step(self) -> Step:
        """The one step that shapes the answers to DATA: the first recipient's that isn't plain."""
        return next((step for step in self.steps.values() if step != OK), OK)


class GatewayProtocol(SMTP):
    """aiosmtpd's server with enhanced codes on every reply and a willingness to hang up."""

    def _create_envelope(self) -> ScriptedEnvelope:
        return ScriptedEnvelope()

    async def push(self, status: Any) -> None:
        """Sends a reply, text or bytes; 421 closes the connection (RFC 5321, 3.8)."""
        reply = _with_enhanced_code(status).encode() if isinstance(status, str) else status
        await super().push(reply)
        if reply[:3] == b"421":
            await self.hang_up()

    async def hang_up(self) -> None:
        """Closes the connection and never returns: the session's task ends with it."""
        if self.transport is not None:
            self.transport.close()
        await asyncio.get_running_loop().create_future()

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd looks methods up by command
        """DATA, with the refusals that come before 354 and a 354 to nobody (RFC 2920, 3.1)."""
        envelope = self.envelope
        if isinstance(envelope, ScriptedEnvelope):
            if envelope.step.smtp and envelope.step.at == "data" and envelope.rcpt_tos:
                reply = await self.event_handler.refuse(self, envelope.step, envelope.rcpt_tos[0], envelope.mail_from)
                self._set_post_data_state()  # type: ignore[no-untyped-call]
                await self.push(reply)
                return
            if envelope.goes_on_without_recipients and not envelope.rcpt_tos and arg is None:
                await self.push("354 End data with <CR><LF>.<CR><LF>")
                while await self._reader.readuntil(b"\r\n") != b".\r\n":
                    pass
                self._set_post_data_state()  # type: ignore[no-untyped-call]
                await self.push("554 5.5.1 No valid recipients")
                return
        await super().smtp_DATA(arg)


def _with_enhanced_code(reply: str) -> str:
    code = reply[:3]
    if reply[3:4] != " " or code not in _DEFAULT_CODES or _ENHANCED.match(reply + " "):
        return reply
    return f"{code} {_DEFAULT_CODES[code]} {reply[4:]}"


class Postbox:
    """aiosmtpd's handler: one method a command; returns the reply."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle_EHLO(  # noqa: N802 - aiosmtpd looks hooks up by command
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Adds what a real submission server offers. The last line must be the one without a hyphen."""
        session.host_name = hostname
        extra = ["250-PIPELINING", "250-ENHANCEDSTATUSCODES"]
        # aiosmtpd's last line, `250 HELP`, may itself end the EHLO reply, which bears no enhanced code.
        return [responses[0], *extra, *responses[1:]]

    async def handle_MAIL(  # noqa: N802
        self, server: GatewayProtocol, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """MAIL FROM; faults by sender strike here."""
        sender = "" if address == "<>" else address
        step = self._state.faults.take("email", sender, is_sender=True)
        if step.smtp:
            return await self.refuse(server, step, sender, sender)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, server: GatewayProtocol, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """RCPT TO; a use of the address's rule is counted here, whatever the step does later."""
        if not is_reserved_address(address):
            reply = "550 5.7.1 This is a sandbox: only .invalid, .test, .example and example.com/net/org are taken"
            self._state.events.record("refused", channel="email", to=address, reply=reply)
            return reply
        step = self._state.faults.take("email", address)
        if step.smtp and step.at == "rcpt":
            if isinstance(envelope, ScriptedEnvelope):
                envelope.goes_on_without_recipients |= step.then_354
            return await self.refuse(server, step, address, envelope.mail_from or "")
        if isinstance(envelope, ScriptedEnvelope):
            envelope.steps[address] = step
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def refuse(self, server: GatewayProtocol, step: Step, address: str, sender: str) -> str:
        """Plays a scripted refusal: writes it down and hands back the reply to send."""
        await asyncio.sleep(step.delay_ms / 1000)
        self._state.events.record("refused", channel="email", to=address, sender=sender, reply=step.smtp, place=step.at)
        if server.transport is None:
            await server.hang_up()
        return step.smtp

    async def handle_DATA(  # noqa: N802
        self, server: GatewayProtocol, _session: Session, envelope: ScriptedEnvelope
    ) -> str:
        """The final dot: the point at which responsibility changes hands."""
        step, content = envelope.step, envelope.original_content or b""
        if step.drop_before_accept:
            self._note(envelope, step, "")
            await server.hang_up()
        if step.smtp and step.at == "final":
            address = next(address for address, its in envelope.steps.items() if its is step)
            return await self.refuse(server, step, address, envelope.mail_from or "")
        queue_id = secrets.token_hex(6).upper()
        try:
            await self._accept(queue_id, envelope, content)
        except OSError as error:
            return f"451 4.3.0 The sandbox could not write the message down: {error.strerror}"
        self._note(envelope, step, queue_id)
        await asyncio.sleep(step.delay_ms / 1000 + self._state.faults.default("email", "delay_ms"))
        if step.drop_before_reply:
            await server.hang_up()
        if step.timeout_after_acceptance:
            await asyncio.get_running_loop().create_future()
        return f"250 2.0.0 Ok: queued as {queue_id}"

    async def _accept(self, queue_id: str, envelope: ScriptedEnvelope, content: bytes) -> None:
        file = Path("mail") / f"{queue_id}.eml"
        (self._state.config.data / file).write_bytes(content)
        sender = (envelope.mail_from or "").strip("<>")
        self._state.events.record("accepted", channel="email", ref=queue_id, sender=sender)
        message_id = str(BytesHeaderParser().parsebytes(content).get("Message-ID", "")).strip()
        await asyncio.gather(
            *(
                self._state.ledger.append(
                    channel="email",
                    to=address,
                    ref=queue_id,
                    message_id=message_id,
                    sha256=digest(content),
                    file=str(file),
                )
                for address in envelope.rcpt_tos
            )
        )

    def _note(self, envelope: ScriptedEnvelope, step: Step, queue_id: str) -> None:
        """Writes down which fault was played; a drop before acceptance shows as a refusal."""
        if step == OK:
            return
        kind = "fault" if queue_id else "refused"
        for address in envelope.steps:
            self._state.events.record(kind, channel="email", to=address, ref=queue_id, step=str(step))

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: Any
    ) -> AuthResult:
        """AUTH PLAIN and LOGIN against the configured pair."""
        config = self._state.config
        is_right = isinstance(login, LoginPassword) and (
            secrets.compare_digest(login.login, config.smtp_user.encode())
            and secrets.compare_digest(login.password, config.smtp_password.encode())
        )
        return AuthResult(success=is_right, handled=False)


def protocol(state: State, postbox: Postbox, tls: ssl.SSLContext | None) -> GatewayProtocol:
    """A server for one connection."""
    return GatewayProtocol(
        postbox,
        data_size_limit=SIZE_LIMIT,
        enable_SMTPUTF8=True,
        hostname="sandbox.invalid",
        ident="ESMTP sandbox",
        tls_context=tls,
        auth_required=state.config.is_auth_required,
        auth_require_tls=tls is not None,
        authenticator=postbox.authenticate,
        loop=asyncio.get_running_loop(),
    )


def tls_context(config: Config) -> ssl.SSLContext | None:
    """With `--smtp-tls` a context over a self-signed certificate at `DIR/smtp.pem`; made at the first start."""
    if not config.has_starttls:
        return None
    path = config.data / "smtp.pem"
    if not path.exists():
        path.write_bytes(make_certificate(config.host))
        path.chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
