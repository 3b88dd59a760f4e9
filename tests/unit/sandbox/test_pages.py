"""The outbox as a person sees it."""

from __future__ import annotations

import re
from email.message import EmailMessage

import httpx

from tests.unit.sandbox.running import Hooks, Sandbox, eventually, mail


def page(sandbox: Sandbox, path: str) -> httpx.Response:
    answer = sandbox.http.get(path)
    assert answer.status_code == 200, answer.text
    return answer


def test_an_html_mail_with_its_attachment(sandbox: Sandbox) -> None:
    message = mail("page@kept.test", subject="Nine people <at risk>")
    message.add_alternative("<p>Dear <b>President</b></p><script>alert(1)</script>", subtype="html")
    message.add_attachment(b"%PDF-1.7 letter", maintype="application", subtype="pdf", filename="편지 1.pdf")
    with sandbox.smtp() as client:
        client.send_message(message, "b-1@mail.test")
    (entry,) = sandbox.entries("page@kept.test")
    shown = page(sandbox, f"/mail/{entry.ref}").text
    assert "Nine people &lt;at risk&gt;" in shown
    assert "b-1@mail.test" in shown
    assert ".a line that begins with a dot" in shown
    assert "편지 1.pdf" in shown
    assert "<script>alert(1)" not in shown
    frame = page(sandbox, f"/mail/{entry.ref}/html")
    assert "<b>President</b>" in frame.text
    assert frame.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    part = page(sandbox, f"/mail/{entry.ref}/part/0")
    assert part.content == b"%PDF-1.7 letter"
    assert part.headers["content-disposition"].startswith("attachment;")
    assert sandbox.http.get(f"/mail/{entry.ref}/part/1").status_code == 404
    assert page(sandbox, f"/mail/{entry.ref}.eml").content == (sandbox.data / entry.file).read_bytes()


def test_the_outbox_shows_the_newest_first_and_what_the_script_did(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("sms", number, {"undelivered": 30003, "doubled": True})
    sandbox.script("email", "closed@kept.test", {"smtp": "550 5.1.1 mailbox closed"})
    sid = sandbox.sms(number, body="첫 번째").json()["sid"]
    fax = sandbox.fax(number, f"{hooks.url}/letter.pdf").json()["data"]["id"]
    eventually(lambda: sandbox.fax_status(fax)["status"] == "delivered")
    eventually(lambda: len(sandbox.events("status", sid)) == 2)
    with sandbox.smtp() as client:
        client.ehlo()
        client.mail("s@mail.test")
        client.rcpt("closed@kept.test")
    shown = page(sandbox, "/").text
    order = [shown.index(mark) for mark in ("550 5.1.1 mailbox closed", f"/fax/{fax}", f"/sms/{sid}")]
    assert order == sorted(order)
    assert "첫 번째" in shown
    assert "script: doubled, undelivered=30003" in shown
    assert f'src="/fax/{fax}/page/1.png"' in shown
    assert f"/fax/{fax}" not in page(sandbox, "/?channel=sms").text
    assert "undelivered, error 30003" in page(sandbox, f"/sms/{sid}").text
    assert page(sandbox, f"/fax/{fax}/page/1.png").headers["content-type"] == "image/png"
    assert sandbox.http.get(f"/fax/{fax}/page/3.png").status_code == 404


def test_leafing_through_many(sandbox: Sandbox) -> None:
    with sandbox.smtp() as client:
        for number in range(55):
            client.send_message(mail(f"leaf{number}@kept.test", message_id=f"<leaf-{number}@mail.test>"), "s@mail.test")
    first, second = page(sandbox, "/?channel=email").text, page(sandbox, "/?channel=email&page=2").text
    assert "leaf54@kept.test" in first
    assert "leaf4@kept.test" not in first
    assert "leaf4@kept.test" in second
    assert "Older" in first
    assert "Newer" in second


def test_broken_mail_does_not_break_the_page(sandbox: Sandbox) -> None:
    headers = b"Subject: =?nonsense?q?x?=\r\nContent-Type: text/plain; charset=unheard-of\r\nFrom: \xff\xfe <\r\n"
    raw = headers + b"\r\n\xff\xfebody\r\n"
    with sandbox.smtp() as client:
        client.sendmail("s@mail.test", ["broken@kept.test"], raw)
    (entry,) = sandbox.entries("broken@kept.test")
    assert "body" in page(sandbox, f"/mail/{entry.ref}").text
    assert "broken@kept.test" in page(sandbox, "/").text


def test_pages_ask_nobody_else_and_run_nothing(sandbox: Sandbox, number: str) -> None:
    sid = sandbox.sms(number, body='<img src="https://example.org/x">').json()["sid"]
    for path in ("/", f"/sms/{sid}"):
        answer = page(sandbox, path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", answer.text)
        assert "<script" not in answer.text
    assert "text/css" in page(sandbox, "/style.css").headers["content-type"]


def test_what_does_not_exist_is_404(sandbox: Sandbox) -> None:
    for path in ("/mail/none", "/mail/none.eml", "/fax/none", "/fax/none.tiff", "/sms/none", "/fax/../../etc/passwd"):
        assert sandbox.http.get(path).status_code == 404


def test_health(sandbox: Sandbox) -> None:
    assert page(sandbox, "/healthz").json()["status"] == "ok"


def test_the_script_over_http(sandbox: Sandbox) -> None:
    sandbox.script("fax", "+12025550123", "busy")
    assert sandbox.http.get("/script").json()["rules"][0]["address"] == "+12025550123"
    wrong = sandbox.http.post("/script", json={"rules": [{"channel": "post"}]})
    assert wrong.status_code == 400
    assert "rules[0].channel" in wrong.json()["error"]
    assert sandbox.http.post("/script", content=b"no").status_code == 400
    outside = sandbox.http.post("/script", json={"inbound": {"sms_url": "https://example.org/"}})
    assert "loopback only" in outside.json()["error"]
    assert len(sandbox.http.get("/script").json()["rules"]) == 1
    assert sandbox.http.delete("/script").status_code == 204
    assert sandbox.http.get("/script").json()["rules"] == []


def test_two_parts_with_one_name_are_two_attachments(sandbox: Sandbox) -> None:
    message: EmailMessage = mail("parts@kept.test")
    for content in (b"one", b"two"):
        message.add_attachment(content, maintype="text", subtype="plain", filename="same.txt")
    with sandbox.smtp() as client:
        client.send_message(message, "s@mail.test")
    (entry,) = sandbox.entries("parts@kept.test")
    assert [page(sandbox, f"/mail/{entry.ref}/part/{n}").content for n in range(2)] == [b"one", b"two"]
