"""What is wrong with the set-up: configuration, database, keys, broker, gateways, liveness, stuck work, letters.

The doctor shows all of it, the console's self-check a part at a time. Each check returns findings and never raises for
what it was sent to find. What needs running programs only warns while nothing is meant to run (sandbox mode without a
stack); in live mode the same is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum

import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import Error as DatabaseError
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from urgentaction.cases.models import Person
from urgentaction.channels.advice import advice_for
from urgentaction.channels.contract import Mode
from urgentaction.core.errors import DecryptionError, UrgentActionError
from urgentaction.core.fields import is_indexed
from urgentaction.core.live import live_since, mismatch
from urgentaction.core.schema import pending_migrations
from urgentaction.deliveries.gateways import gateway_named
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.rules import State
from urgentaction.letters.trial_letter import languages, typeset_trial_letter
from urgentaction.supporters.models import Supporter
from urgentaction.tracking.queries import gateway_states

from .diagnosis import diagnose, words
from .findings import Finding, Level
from .looking import look
from .observations import Code
from .queries import open_incidents
from .rules import Severity

OLDEST_POSTGRESQL = 18
#: Of the findings, the one that `urgentaction mode` puts right.
SAME_MODE = "mode of the data"


class Part(StrEnum):
    """What can be looked at by itself."""

    PROGRAMS = "programs"  # everything but the next two; takes a moment
    GATEWAYS = "gateways"  # asks each of them; may wait for one that is silent
    LETTERS = "letters"  # sets a letter in every language; takes seconds


def all_findings(*, must_run: bool, parts: Collection[Part] = tuple(Part)) -> list[Finding]:
    """Everything, in the order in which trouble is best put right: without a database the rest is not looked at.

    Args:
        must_run: workers, beat and gateways are meant to run now; else what they lack is only a warning.
        parts: what to look at.
    """
    findings = [*_mode(), *_variables(), *_database()]
    if any(finding.level is Level.FAIL for finding in findings):
        return [*findings, *_broker()]
    checks: tuple[tuple[Part, Callable[[], Iterator[Finding]]], ...] = (
        (Part.PROGRAMS, _same_mode),
        (Part.PROGRAMS, _keys),
        (Part.PROGRAMS, _broker),
        (Part.GATEWAYS, lambda: _gateways(must_run=must_run)),
        (Part.PROGRAMS, lambda: _liveness(must_run=must_run)),
        (Part.PROGRAMS, _left_for_people),
        (Part.PROGRAMS, _on_call),
        (Part.LETTERS, _letters),
        (Part.PROGRAMS, _deployment),
    )
    looked_at = findings if Part.PROGRAMS in parts else []
    return [*looked_at, *(finding for part, check in checks if part in parts for finding in check())]


def _mode() -> Iterator[Finding]:
    if settings.MODE is Mode.LIVE:
        yield Finding("mode", Level.OK, "live: real people are written to")
    else:
        yield Finding("mode", Level.OK, "sandbox: only reserved test addresses and hosts are accepted")


def _same_mode() -> Iterator[Finding]:
    """Whether the database is of the mode that this program runs in; else no worker starts, and none claims."""
    if (wrong := mismatch()) is None:
        since = live_since()
        yield Finding(SAME_MODE, Level.OK, str(since) if since else "holds drills")
    else:
        yield Finding(SAME_MODE, Level.FAIL, wrong[0], wrong[1])


def _variables() -> Iterator[Finding]:
    """Names only: values may be secrets."""
    given = [name for name in settings.ENVIRONMENT_VARIABLES if os.environ.get(name)]
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith("URGENTACTION_")
        and name not in settings.ENVIRONMENT_VARIABLES
        and name not in _READ_ELSEWHERE
    )
    yield Finding("variables", Level.OK, f"set: {', '.join(given)}")
    if unknown:
        yield Finding(
            "variables", Level.WARN, f"not known: {', '.join(unknown)}", "Correct the spelling, or unset them."
        )


_READ_ELSEWHERE = frozenset({"URGENTACTION_ENV_FILE", "URGENTACTION_VAR", "URGENTACTION_STATIC_ROOT"})


def _database() -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            version = int(cursor.fetchone()[0]) // 10_000
        pending = pending_migrations()
    except DatabaseError as error:
        said = " ".join(str(error).split())
        yield Finding("database", Level.FAIL, f"doesn't answer: {said}", "Start it, or correct DATABASE_URL.")
        return
    if version < OLDEST_POSTGRESQL:
        advice = f"Move to PostgreSQL {OLDEST_POSTGRESQL} or later."
        yield Finding("database", Level.FAIL, f"PostgreSQL {version}", advice)
    else:
        yield Finding("database", Level.OK, f"PostgreSQL {version}")
    if pending:
        listed = ", ".join(pending[:4]) + (" …" if len(pending) > 4 else "")
        yield Finding(
            "migrations", Level.FAIL, f"{len(pending)} not applied: {listed}", "Run `urgentaction manage migrate`."
        )
    else:
        yield Finding("migrations", Level.OK, "all applied")


def _keys() -> Iterator[Finding]:
    """Whether the keys fit the data, tried on the oldest and the newest rows: after a restore they may be others."""
    written = (
        Supporter.objects.exclude(email_index=None, phone_index=None),
        Person.objects.exclude(name_index=None),
    )
    rows = [row for found in written for row in (found.order_by("id").first(), found.order_by("-id").first()) if row]
    try:
        is_found_again = all(is_indexed(row) for row in rows)
    except DecryptionError as error:
        advice = "Put back the keys that this database was written with: without them no name or address can be read."
        yield Finding("keys", Level.FAIL, f"URGENTACTION_FIELD_KEYS do not fit the data: {error}", advice)
        return
    if is_found_again:
        yield Finding("keys", Level.OK, "fit the data" if rows else "nothing is encrypted yet")
    else:
        yield Finding(
            "keys",
            Level.FAIL,
            "URGENTACTION_INDEX_KEY is not the one that this database was written with",
            "Stop the workers and put it back: with another one nobody is recognised who said stop.",
        )


def _broker() -> Iterator[Finding]:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=3, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
            yield Finding("broker", Level.OK, "answers")
            yield from _persistence(client)
    except (redis.RedisError, OSError) as error:
        yield Finding("broker", Level.FAIL, f"doesn't answer: {error}", "Start it, or correct REDIS_URL.")


def _persistence(client: redis.Redis) -> Iterator[Finding]:
    wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
    try:
        found = {name: client.config_get(name).get(name) for name in wanted}
    except redis.ResponseError:
        advice = "Make sure by hand: appendonly yes, maxmemory-policy noeviction."
        yield Finding("broker settings", Level.WARN, "it doesn't let us look", advice)
        return
    wrong = {name: value for name, value in found.items() if value != wanted[name]}
    if wrong:
        has = ", ".join(f"{name} {value}" for name, value in wrong.items())
        should = ", ".join(f"{name} {wanted[name]}" for name in wrong)
        # It carries hints only: wrong settings cost time, never a delivery.
        yield Finding("broker settings", Level.WARN, has, f"Set {should}; lost hints are found by the sweeper, late.")
    else:
        yield Finding("broker settings", Level.OK, "append-only file, nothing evicted")


def _gateways(*, must_run: bool) -> Iterator[Finding]:
    for state in gateway_states():
        name = f"gateway {state.name}"
        try:
            health = gateway_named(state.name).check()
            is_ok, detail, advice = health.is_ok, health.detail, advice_for(health.code)
        except UrgentActionError as error:
            is_ok, detail, advice = False, str(error), ""
        if is_ok:
            yield Finding(name, Level.OK, detail)
        elif must_run:
            stands = f"Nothing goes out by {state.channel} until this is put right."
            yield Finding(name, Level.FAIL, detail, f"{advice} {stands}".strip())
        else:
            yield Finding(name, Level.WARN, detail, "`urgentaction up` starts the stand-in gateways.")
        if state.is_paused:
            advice = f"Put it right, then `urgentaction gateway resume {state.name}`; {state.waiting} wait."
            yield Finding(name, Level.WARN, f"paused: {state.reason}", advice)
        elif state.is_broken:
            advice = f"It is tried again by itself; {state.waiting} deliveries by {state.channel} wait."
            yield Finding(name, Level.WARN, f"does not work, and is left alone for now: {state.broken_why}", advice)


def _liveness(*, must_run: bool) -> Iterator[Finding]:
    """Whether each lane gives a sign of life, and everything else that the watchman would call somebody for."""
    seen = look()
    ages = {lane.name: lane.silent_for for lane in seen.lanes}
    said = ", ".join(f"{name} {'never' if age is None else f'{words(age)} ago'}" for name, age in ages.items())
    if all(age is not None and age <= seen.patience for age in ages.values()):
        yield Finding("heartbeat", Level.OK, said)
    elif must_run:
        yield Finding("heartbeat", Level.FAIL, said, "One sign a lane; below stands which part gives none.")
    else:
        yield Finding("heartbeat", Level.WARN, said, "`urgentaction up` starts beat and the workers.")
    told = [trouble for trouble in diagnose(seen) if trouble.code not in _TOLD_ELSEWHERE]
    if not must_run:
        told = [trouble for trouble in told if trouble.code not in _NOT_RUNNING]
    for trouble in told:
        level = Level.FAIL if must_run and trouble.severity is Severity.CRITICAL else Level.WARN
        yield Finding(trouble.part, level, trouble.what, trouble.advice)
    if not told:
        yield Finding("work", Level.OK, "nothing is stuck")


#: Other checks have said more of these.
_TOLD_ELSEWHERE = frozenset(
    {Code.BROKER_DOWN, Code.GATEWAY_PAUSED, Code.GATEWAY_BROKEN, Code.CHANNEL_SHUT, Code.DATABASE_DOWN}
)
#: No faults while nothing is meant to run.
_NOT_RUNNING = frozenset(
    {Code.BEAT_SILENT, Code.WORKERS_SILENT, Code.WORKER_SILENT, Code.LANE_SILENT, Code.WATCH_SILENT}
)


def _left_for_people() -> Iterator[Finding]:
    if unknown := Delivery.objects.filter(state=State.UNKNOWN).count():
        yield Finding(
            "unknowns", Level.WARN, f"{unknown} deliveries", "`urgentaction deliveries --state unknown` lists them."
        )
    if tasks := HumanTask.objects.filter(done_at=None).count():
        yield Finding("tasks", Level.WARN, f"{tasks} wait for a person", "`urgentaction tasks` says what to do.")
    if incidents := open_incidents().count():
        yield Finding("incidents", Level.WARN, f"{incidents} are open", "`urgentaction incidents` says which.")


def _on_call() -> Iterator[Finding]:
    """Who hears when something stands still. Nothing is sent: `incident drill` does that."""
    if ways := settings.ONCALL.ways:
        advice = "" if settings.MODE is not Mode.LIVE else "`urgentaction incident drill` tries it."
        yield Finding("on-call", Level.OK, f"called by {' and by '.join(ways)}", advice)
        return
    yield Finding(
        "on-call",
        Level.FAIL if settings.MODE is Mode.LIVE else Level.WARN,
        "nobody is called when something stands still",
        "Set URGENTACTION_ONCALL_URL, or URGENTACTION_ONCALL_MAIL and URGENTACTION_ONCALL_SMTP (docs/operations.md).",
    )


def _letters() -> Iterator[Finding]:
    for language in languages():
        try:
            size = len(typeset_trial_letter(language))
        except UrgentActionError as error:
            yield Finding(
                f"letters {language}", Level.FAIL, str(error), "No letter can be made in this language before."
            )
        else:
            yield Finding(f"letters {language}", Level.OK, f"a test letter was set: {size // 1024} kB")


def _deployment() -> Iterator[Finding]:
    """Django's own checks for a server that others can reach."""
    if settings.MODE is not Mode.LIVE:
        return
    try:
        call_command("check", deploy=True, fail_level="WARNING", verbosity=0)
    except SystemCheckError as error:
        yield Finding(
            "deployment", Level.FAIL, " ".join(str(error).split()), "`urgentaction manage check --deploy` has more."
        )
    else:
        yield Finding("deployment", Level.OK, "Django's checks pass")
