"""Sending by django-anymail, with httpx under it and nothing of Django above it.

Of a channel only this module and `webhooks` know Anymail. It is used for what the providers differ in: how a message
and its merge data are put into a request, and what the answer says of each recipient. It is handed everything
explicitly, so that no setting of Django has a say. Requests go out through `channels.http`: once, with its timeouts,
its judgement on what a failure means, and no proxy out of the environment.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from anymail.backends import brevo, mailgun, postmark, sendgrid
from anymail.backends.base_requests import AnymailRequestsBackend, RequestsPayload
from anymail.exceptions import AnymailError, AnymailRequestsAPIError
from anymail.message import AnymailMessage, AnymailRecipientStatus
from anymail.utils import EmailAddress

from urgentaction.channels import http
from urgentaction.channels.contract import OutgoingEmail
from urgentaction.channels.email.esp import merging
from urgentaction.channels.email.esp.codes import text_of
from urgentaction.channels.email.esp.providers import REFERENCE, TRAITS, Account, Provider
from urgentaction.channels.email.esp.webhooks import unsupported
from urgentaction.channels.mailing import Mailing
from urgentaction.channels.wording import harmless
from urgentaction.core.errors import InvalidInput

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What an answer says of one recipient: taken under `ref`, or refused with a code; neither: it does not say."""

    ref: str = ""
    code: str = ""
    text: str = ""


#: What became of a request: for each address its status; or what is the same for all of them.
Result = Mapping[str, Status] | http.Answer | http.NotSent | http.NoAnswer


class _Reply:
    """An answer as Anymail looks at it."""

    def __init__(self, answer: http.Answer, url: str) -> None:
        self.answer = answer
        self.url = url
        self.status_code = answer.status
        self.headers = answer.headers
        self.content = answer.body
        self.text = answer.body.decode("utf-8", "replace")
        self.reason = ""

    def json(self) -> Any:
        return json.loads(self.text)


class _Unanswered(Exception):
    """There was no answer; `what` says how far the request came."""

    def __init__(self, what: http.NotSent | http.NoAnswer) -> None:
        super().__init__(type(what).__name__)
        self.what = what


class _OverHttpx(AnymailRequestsBackend):  # type: ignore[misc]  # Anymail has no types
    """An Anymail backend that asks our client and not `requests`."""

    def __init__(self, *, client: httpx.Client, **options: Any) -> None:
        self._client = client
        super().__init__(ignore_recipient_status=True, **options)

    def create_session(self) -> httpx.Client:
        """What Anymail keeps and closes; it never gets to use it."""
        return self._client

    def post_to_esp(self, payload: Any, message: Any) -> _Reply:
        """Anymail's request, made once, by `channels.http`."""
        wanted = payload.get_request_params(self.api_url)
        body = {"files": wanted["files"], "data": wanted["data"]}
        if isinstance(wanted["data"], str | bytes):
            body = {"content": wanted["data"]}
        request = self._client.build_request(wanted["method"], wanted["url"], headers=wanted["headers"], **body)
        answer = http.hand_over(self._client, request, auth=wanted["auth"])
        if not isinstance(answer, http.Answer):
            raise _Unanswered(answer)
        reply = _Reply(answer, wanted["url"])
        self.raise_for_status(reply, payload, message)
        return reply


class _Message(AnymailMessage):  # type: ignore[misc]
    """A message that may hold a text for each recipient, beside the one that all of them share."""

    texts: Mapping[str, tuple[str, str]] = {}  # replaced as a whole, never changed


class _Refusal(AnymailRecipientStatus):  # type: ignore[misc]
    """A status that also says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(None, "rejected")
        self.code, self.text = code, text


class _PostmarkPayload(postmark.PostmarkPayload):  # type: ignore[misc]
    """Postmark's batch is a list of whole messages, each of which may have texts of its own."""

    def data_for_recipient(self, to: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().data_for_recipient(to)
        if to.addr_spec in self.message.texts:
            text, markup = self.message.texts[to.addr_spec]
            data |= {"TextBody": text, "HtmlBody": markup} if markup else {"TextBody": text}
        return data


class _Postmark(_OverHttpx, postmark.EmailBackend):  # type: ignore[misc]
    def build_message_payload(self, message: Any, defaults: Any) -> RequestsPayload:
        return _PostmarkPayload(message, defaults, self)

    def parse_recipient_status(self, response: Any, payload: Any, message: Any) -> dict[str, AnymailRecipientStatus]:
        """Each message of a batch by itself: Anymail gives all of them up where one is refused, and the others left."""
        answers = self.deserialize_json_response(response, payload, message)
        answers = answers if isinstance(answers, list) else [answers]
        is_complete = len(answers) == len(payload.to_emails) and all(isinstance(one, dict) for one in answers)
        if not is_complete:
            raise AnymailRequestsAPIError(email_message=message, payload=payload, response=response, backend=self)
        pairs = zip(payload.to_emails, answers, strict=True)  # in the order of the request, says Postmark
        return {to.addr_spec: _postmark_status(one) for to, one in pairs}


def _postmark_status(answer: Mapping[str, Any]) -> AnymailRecipientStatus:
    code = answer.get("ErrorCode", 0)
    if code:
        return _Refusal(str(code), text_of(answer.get("Message")))
    ref = text_of(answer.get("MessageID"))
    return AnymailRecipientStatus(ref or None, "sent" if ref else "unknown")


class _Mailgun(_OverHttpx, mailgun.EmailBackend):  # type: ignore[misc]
    pass


class _BrevoPayload(brevo.BrevoPayload):  # type: ignore[misc]
    """Each version of a Brevo batch may have texts of its own."""

    def serialize_data(self) -> str:
        data = json.loads(super().serialize_data())
        for version in data.get("messageVersions", ()):
            text, markup = self.message.texts[version["to"][0]["email"]]
            version.update({"textContent": text, "htmlContent": markup} if markup else {"textContent": text})
        serialized: str = self.serialize_json(data)
        return serialized


class _Brevo(_OverHttpx, brevo.EmailBackend):  # type: ignore[misc]
    def build_message_payload(self, message: Any, defaults: Any) -> RequestsPayload:
        return _BrevoPayload(message, defaults, self)


class _SendGrid(_OverHttpx, sendgrid.EmailBackend):  # type: ignore[misc]
    pass


class Bridge:
    """One account at one provider."""

    def __init__(self, account: Account, client: httpx.Client) -> None:
        self._account = account
        self._traits = TRAITS[account.provider]
        self._client = client
        with unsupported():
            self._backend = _backend(account, client)
        self._backend.open()

    def send(self, mail: OutgoingEmail) -> Result:
        """One mail to one recipient. Raises InvalidInput where no request can be made of it."""
        to = merging.recipient(mail.to)
        text, markup = merging.plain_mail(self._account.provider, mail)
        message = self._message(mail, [to], text=text, markup=markup, headers=mail.headers)
        message.metadata = {REFERENCE: mail.reference}
        if self._traits.keeps_message_id:
            message.extra_headers |= self._message_id(mail.message_id)
        for file in mail.attachments:
            message.attach(file.filename, file.content, file.content_type)
        return self._deliver(message)

    def send_batch(self, mailing: Mailing, request: merging.Merged, message_ids: Mapping[str, str]) -> Result:
        """One request for several copies. Raises InvalidInput where none can be made of them.

        Args:
            message_ids: by address, as in `request`.
        """
        message = self._message(
            mailing, list(request.references), text=request.text, markup=request.html, headers=request.headers
        )
        message.merge_metadata = {to: {REFERENCE: reference} for to, reference in request.references.items()}
        if request.data:
            message.merge_data = {to: dict(data) for to, data in request.data.items()}
        message.texts = request.texts
        own = {to: dict(headers) for to, headers in request.own_headers.items()}
        if self._traits.keeps_message_id_in_batch:
            own = {to: headers | self._message_id(message_ids[to]) for to, headers in own.items()}
        message.merge_headers = own
        return self._deliver(message)

    def ask(self) -> http.Answer | http.NotSent | http.NoAnswer:
        """A request that reads only, with our key."""
        account = self._account
        headers, auth = {}, None
        match account.provider:
            case Provider.POSTMARK:
                headers = {"X-Postmark-Server-Token": account.api_key, "Accept": "application/json"}
            case Provider.MAILGUN:
                auth = ("api", account.api_key)
            case Provider.BREVO:
                headers = {"api-key": account.api_key}
            case Provider.SENDGRID:
                headers = {"Authorization": f"Bearer {account.api_key}"}
        path = self._traits.check_path.format(domain=account.sender_domain)
        return http.exchange(self._client, "GET", account.base_url + path, headers=headers, auth=auth)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _message(
        self,
        mail: OutgoingEmail | Mailing,
        to: Sequence[str],
        *,
        text: str,
        markup: str,
        headers: Iterable[merging.Header],
    ) -> _Message:
        message = _Message(
            subject=merging.plain(self._account.provider, mail.subject),
            body=text,
            from_email=EmailAddress(mail.sender_name, mail.sender).address,
            to=list(to),
            reply_to=[mail.reply_to] if mail.reply_to else None,
            headers={"Auto-Submitted": "auto-generated", "Content-Language": mail.language, **dict(headers)},
        )
        if markup:
            message.attach_alternative(markup, "text/html")
        if self._traits.may_track:
            # Nobody here is to be watched reading.
            message.track_opens = message.track_clicks = False
        return message

    def _message_id(self, message_id: str) -> dict[str, str]:
        if self._account.provider is Provider.POSTMARK:
            return {"Message-ID": message_id, "X-PM-KeepID": "true"}
        return {"Message-ID": message_id}

    def _deliver(self, message: _Message) -> Result:
        try:
            self._backend.send_messages([message])
        except _Unanswered as unanswered:
            return unanswered.what
        except AnymailError as error:
            if isinstance(error.response, _Reply):
                return error.response.answer
            raise InvalidInput.of("mail", harmless(str(error))) from error
        recipients = message.anymail_status.recipients
        return {to: _status(one) for to, one in recipients.items()}


def _status(one: AnymailRecipientStatus) -> Status:
    if isinstance(one, _Refusal):
        return Status(code=one.code, text=one.text)
    if one.status in {"sent", "queued"} and one.message_id:
        return Status(ref=str(one.message_id))
    if one.status in {"invalid", "rejected", "failed"}:
        return Status(code=one.status)
    return Status()


def _backend(account: Account, client: httpx.Client) -> Any:
    options: dict[str, Any] = {"client": client, "api_url": account.base_url, "timeout": None}
    match account.provider:
        case Provider.POSTMARK:
            stream = account.message_stream or None
            return _Postmark(server_token=account.api_key, message_stream=stream, use_bulk_api=False, **options)
        case Provider.MAILGUN:
            return _Mailgun(api_key=account.api_key, sender_domain=account.sender_domain, **options)
        case Provider.BREVO:
            return _Brevo(api_key=account.api_key, **options)
        case Provider.SENDGRID:
            return _SendGrid(api_key=account.api_key, merge_field_format="{}", username=None, password=None, **options)
