"""The usual way with Celery: a task per recipient, `EmailMessage`, `smtplib`, a new connection for each.

An honest one: the broker is ours, the message has the same words, no result is kept, logging is at WARNING, and it
neither reads a recipient from a database nor writes down what became of it, as a real one would have to.
"""

from __future__ import annotations

import json
import os
import smtplib
from dataclasses import asdict, dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import formatdate, make_msgid
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready

QUEUE = "usual"
TASK = "usual.send_one"
SENDER = "alerts@urgentaction.invalid"
#: What the worker is told: a JSON file with a `Notice`, the sink's port, and a file to make when it is ready.
NOTICE, PORT, READY = "BENCH_NOTICE", "BENCH_SMTP_PORT", "BENCH_READY_FILE"

app = Celery("usual", broker=os.environ.get("REDIS_URL", "memory://"))
app.conf.update(task_default_queue=QUEUE, task_ignore_result=True, worker_hijack_root_logger=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """The words of a notice; `name` stands in them where the recipient's belongs."""

    subject: str
    text: str
    html: str
    name: str

    @classmethod
    def of(cls, message: bytes, *, name: str) -> Notice:
        """Out of one that was sent to somebody of this name."""
        parsed = BytesParser(policy=policy.default).parsebytes(message)
        text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
        if text is None or html is None:
            raise ValueError("the sample has no text or no HTML part")
        return cls(str(parsed["subject"]), text.get_content(), html.get_content(), name)

    def save(self, file: Path) -> None:
        """For the worker."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")


@cache
def notice() -> Notice:
    """The one that this worker sends."""
    return Notice(**json.loads(Path(os.environ[NOTICE]).read_text(encoding="utf-8")))


@app.task(name=TASK, shared=False)  # not a task of every other app in the process
def send_one(address: str, name: str) -> None:
    """Build the mail, connect, send it, hang up. The name for EHLO is given, or smtplib would ask the DNS each time."""
    with smtplib.SMTP("127.0.0.1", int(os.environ[PORT]), local_hostname="usual.invalid") as server:
        server.send_message(built(notice(), address, name))


def built(words: Notice, address: str, name: str) -> EmailMessage:
    """The mail to one recipient."""
    message = EmailMessage()
    message["Subject"] = words.subject
    message["From"] = SENDER
    message["To"] = address
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="urgentaction.invalid")
    message["List-Unsubscribe"] = f"<http://127.0.0.1/unsubscribe/{address}/>"
    message.set_content(words.text.replace(words.name, name))
    message.add_alternative(words.html.replace(words.name, name), subtype="html")
    return message


@worker_ready.connect
def say_ready(**_kwargs: Any) -> None:
    """Tell the benchmark."""
    if READY in os.environ:
        Path(os.environ[READY]).touch()
