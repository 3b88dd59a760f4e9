"""`python -m urgentaction.sandbox`: starts the SMTP and the HTTP server in one event loop and ends cleanly."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import logging
import os
import signal
import socket
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn

from . import app, smtp
from .config import Config, ConfigError, from_environment, is_loopback
from .faults import Faults, FaultScriptError, parse
from .ledger import LedgerError
from .state import State, open_state, write_json

EX_CONFIG = 78  # sysexits.h
_PARENT_CHECK_SECONDS = 0.5
_GRACE_SECONDS = 1  # for requests that hang on purpose


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process with the signal instead of cleanly."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m urgentaction.sandbox",
        description="Stand-in gateways: SMTP, a Twilio-like and a Telnyx-like API, with scripted faults.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="where everything accepted is kept")
    parser.add_argument("--host", default="127.0.0.1", help="loopback unless --allow-host is given")
    parser.add_argument("--smtp-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--http-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="JSON with ports and keys, once it listens")
    parser.add_argument("--script", type=Path, metavar="FAULTS.toml", help="scripted faults")
    parser.add_argument(
        "--allow-host",
        nargs="*",
        action="extend",
        metavar="HOST",
        help="allows listening beyond loopback; names given here may be called back and asked for media",
    )
    parser.add_argument("--smtp-tls", action="store_true", help="offer STARTTLS with a self-signed certificate")
    parser.add_argument("--smtp-auth", action="store_true", help="insist on AUTH; needs --smtp-tls")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the starting process is gone")
    return parser.parse_args(arguments)


def _config(options: argparse.Namespace) -> Config:
    return Config(
        data=options.data,
        host=options.host,
        smtp_port=options.smtp_port,
        http_port=options.http_port,
        may_listen_anywhere=options.allow_host is not None,
        allowed_hosts=frozenset(name.lower() for name in options.allow_host or ()),
        has_starttls=options.smtp_tls,
        is_auth_required=options.smtp_auth,
        **from_environment(os.environ),  # type: ignore[arg-type]
    )


def _faults(path: Path | None, config: Config) -> Faults:
    if path is None:
        return Faults()
    try:
        script = parse(tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError, FaultScriptError) as error:
        raise ConfigError(f"--script {path}: {error}") from error
    for name, url in (("sms_url", script.sms_inbound_url), ("esp_url", script.esp_webhook_url)):
        if url and not config.may_call(url):
            raise ConfigError(f"--script {path}: inbound.{name}: the sandbox calls loopback only")
    return Faults(script)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio turns Nagle's algorithm off; otherwise each answer may wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"can't listen on {host} port {port}: {error.strerror}") from error
    listener.listen(512)
    return listener


def _ready(state: State, smtp_listener: socket.socket, http_listener: socket.socket) -> dict[str, object]:
    """What a client needs to know."""
    host = state.config.host
    # "Every address" is not one to connect to.
    shown = host if is_loopback(host) or host not in {"0.0.0.0", "::"} else "127.0.0.1"
    smtp_port, http_port = (listener.getsockname()[1] for listener in (smtp_listener, http_listener))
    base = f"http://[{shown}]:{http_port}" if ":" in shown else f"http://{shown}:{http_port}"
    return {
        "smtp_host": shown,
        "smtp_port": smtp_port,
        "smtp_certificate": str(state.config.data / "smtp.pem") if state.config.has_starttls else "",
        "http_url": base,
        "twilio_url": f"{base}/twilio",
        "telnyx_url": f"{base}/telnyx",
        "postmark_url": f"{base}/postmark",
        "mailgun_url": f"{base}/mailgun",
        "telnyx_public_key": base64.b64encode(state.telnyx_public_key).decode(),
        "line": state.line,
        "pid": os.getpid(),
    }


async def _serve(config: Config, faults: Faults, options: argparse.Namespace, parent: int) -> None:
    loop = asyncio.get_running_loop()
    smtp_listener, http_listener = _listen(config.host, config.smtp_port), _listen(config.host, config.http_port)
    state = open_state(config, faults)
    tls, postbox = smtp.tls_context(config), smtp.Postbox(state)
    mail = await loop.create_server(lambda: smtp.protocol(state, postbox, tls), sock=smtp_listener)
    server = _Server(
        uvicorn.Config(
            app.build(state),
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )

    def stop() -> None:
        server.should_exit = True

    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop)
    if options.exit_with_parent:
        state.start(_watch_parent(parent, server))
    serving = asyncio.create_task(server.serve(sockets=[http_listener]))
    await server.is_listening.wait()
    ready = _ready(state, smtp_listener, http_listener)
    if options.ready_file:
        write_json(options.ready_file, ready)
    print(
        f"sandbox: outbox {ready['http_url']}/  smtp {ready['smtp_host']}:{ready['smtp_port']}  "
        f"fax line {ready['line']}  data {config.data}",
        flush=True,
    )
    try:
        await serving
    finally:
        mail.close()
        await state.close()
        if options.ready_file:
            options.ready_file.unlink(missing_ok=True)


async def _watch_parent(parent: int, server: uvicorn.Server) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - no event comes when a parent dies
        await asyncio.sleep(_PARENT_CHECK_SECONDS)
    server.should_exit = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit code: 0, or 78 where the settings are wrong."""
    parent = os.getppid()
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of what it does itself
    options = _options(arguments)
    try:
        config = _config(options)
        config.data.mkdir(parents=True, exist_ok=True)
        asyncio.run(_serve(config, _faults(options.script, config), options, parent))
    except (ConfigError, LedgerError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return EX_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main())
