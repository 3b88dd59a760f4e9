"""Which user the servers run as.

PostgreSQL refuses to run as root. An ordinary user runs the servers as himself; root runs them as the owner of the
data, or as `nobody`. Where a closed folder (/root is one) lies above the data or the binaries, that user keeps one
capability to pass through it, and nothing else of root's powers.

Must not: change anything outside the data folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from urgentaction.core.errors import ConfigurationError

# capability(7), in order of preference: the first only reads and searches; the second is what containers usually leave.
_CAP_DAC_READ_SEARCH = 2
_CAP_DAC_OVERRIDE = 1
_CAP_SETPCAP = 8  # needed, by the guardian only, to hand one of them on

_REMEDY = "Run this as an ordinary user, or name servers of your own in DATABASE_URL and REDIS_URL."


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user (numeric ids) and the one capability it keeps, if it needs one."""

    uid: int
    gid: int
    capability: int | None


def account_for(data: Path, *, binary: Path) -> Account | None:
    """The user to run `binary` as, on `data`.

    Args:
        data: absolute folder that the server will own; it need not exist yet.
        binary: absolute path of the server's program.

    Returns:
        None if the present user will do, that is, unless the program runs as root.

    Raises:
        ConfigurationError: root has no other user to run as, or that user can't reach the files.
    """
    if os.geteuid() != 0:
        return None
    uid, gid = _unprivileged_ids(data)
    if _is_reachable(data.parent, uid=uid, gid=gid) and _is_reachable(binary, uid=uid, gid=gid):
        return Account(uid, gid, None)
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        if _is_permitted(capability) and _is_permitted(_CAP_SETPCAP):
            return Account(uid, gid, capability)
    message = (
        f"The embedded servers can't run as root, and user {uid} can't reach {data.parent} or {binary}: a folder above"
        f" one of them is closed to it. Move the project to a folder open to others. {_REMEDY}"
    )
    raise ConfigurationError(message)


def give(path: Path, account: Account | None) -> None:
    """Make the folder `path`, closed to others, unless it exists, and make it and all inside belong to `account`."""
    path.mkdir(mode=0o700, exist_ok=True)
    if account is None or path.stat().st_uid == account.uid:
        return
    try:
        for folder, _, files in os.walk(path):
            shutil.chown(folder, account.uid, account.gid)
            for file in files:
                os.chown(Path(folder, file), account.uid, account.gid, follow_symlinks=False)
    except OSError as error:
        message = f"Root can't hand {path} over to user {account.uid} ({error.strerror}). {_REMEDY}"
        raise ConfigurationError(message) from error


def _unprivileged_ids(data: Path) -> tuple[int, int]:
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return owner.st_uid, owner.st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        message = f"The embedded servers can't run as root, and this machine has no user 'nobody'. {_REMEDY}"
        raise ConfigurationError(message) from error
    return nobody.pw_uid, nobody.pw_gid


def _is_reachable(path: Path, *, uid: int, gid: int) -> bool:
    """Whether every folder on the way, and `path` itself, has its search or execute bit set for that user."""
    for part in (path, *path.parents):
        if not part.exists():
            continue  # ours to make, with the mode it needs
        status = part.stat()
        if status.st_uid == uid:
            bit = stat.S_IXUSR
        elif status.st_gid == gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not status.st_mode & bit:
            return False
    return True


def _is_permitted(capability: int) -> bool:
    status = Path("/proc/self/status")  # Linux; elsewhere there are no capabilities to keep
    if not status.exists():
        return False
    for line in status.read_text(encoding="utf-8").splitlines():
        if line.startswith("CapPrm:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False
