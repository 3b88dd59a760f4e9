"""Whether the alerts of this database are meant for real people, and whether this program is.

The mode of a program is a variable, and a variable can be missing or left over: a worker in sandbox mode would give the
letters of a live service to stand-ins and write them down as accepted, and a live one would send drills to ministries.
So the database knows its mode too, and changes it only when somebody says so (`pipeline.change_mode`, docs/adr/0022).
Nothing is claimed where the two differ.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from . import clock
from .errors import ConfigurationError
from .models import LiveSince

log = logging.getLogger(__name__)

_TO_LIVE = "Once everything is ready, `urgentaction mode live` withdraws the drills. Or unset URGENTACTION_MODE."
_TO_SANDBOX = (
    "Set URGENTACTION_MODE=live, or have DATABASE_URL name another database. Only if this is a copy to practise on: "
    "`urgentaction mode sandbox`."
)


def is_live_here() -> bool:
    """Whether this program is set to write to real people; statements that claim compare it with `ua_is_live()`."""
    return str(settings.MODE) == "live"


def live_since() -> LiveSince | None:
    """When the database went live, and by whom; None: it holds drills."""
    return LiveSince.objects.first()


def refuse_other_mode() -> None:
    """Raises ConfigurationError, with what to do, where this program's mode isn't the database's."""
    if (wrong := mismatch()) is not None:
        what, advice = wrong
        raise ConfigurationError(f"This program and its database differ: {what}. {advice}")


def refuse_to_start() -> None:
    """For long-running programs: end with exit code 78, and what to do in the log, where the two modes differ.

    Where the database doesn't answer they start: a short outage must keep nothing down, and each claim looks again.
    """
    try:
        refuse_other_mode()
    except ConfigurationError as error:
        log.critical("%s", error)
        raise SystemExit(error.exit_code) from error
    except DatabaseError:
        log.warning("the database doesn't answer; whether it is live is not known, and each claim looks again")
    finally:
        connection.close()


def mismatch() -> tuple[str, str] | None:
    """How the two modes differ, and what to do about it; None where they are the same."""
    since = live_since()
    if is_live_here() and since is None:
        return "URGENTACTION_MODE is live, and the database holds drills", _TO_LIVE
    if not is_live_here() and since is not None:
        return f"URGENTACTION_MODE is sandbox, and the database is {since}", _TO_SANDBOX
    return None


def write_mode(*, is_live: bool, by: str) -> None:
    """Make the database a live one, or one of drills. For `pipeline.change_mode`, which withdraws what is under way."""
    if is_live:
        LiveSince.objects.get_or_create(id=1, defaults={"at": clock.now(), "by": by})
    else:
        LiveSince.objects.all().delete()
