"""Each import contract really fails when it is broken; `make imports` then says that none is.

One line is added to one file of a copy, and import-linter is asked about one contract.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.layout import ROOT, SOURCE, WORKERS_FOLDER, contracts

#: For each contract a file, and a line that must not stand in it.
BREACHES = {
    "rooms": ("src/urgentaction/cases/models.py", "import urgentaction.alerts.models"),
    "circles": ("src/urgentaction/core/errors.py", "import urgentaction.core.fields"),
    "first-run-servers": ("src/urgentaction/console/apps.py", "import urgentaction.embedded"),
    "embedded": ("src/urgentaction/embedded/__init__.py", "import urgentaction.core.fields"),
    "sandbox": ("src/urgentaction/sandbox/__init__.py", "import urgentaction.core.errors"),
    "workers": ("workers/tasks.py", "import urgentaction.cases.models"),
    "web-and-workers": ("src/urgentaction/api/apps.py", "import workers.app"),
    "rules": ("src/urgentaction/triggers/rules.py", "import urgentaction.core.fields"),
    "channels": ("src/urgentaction/channels/contract.py", "import django.conf"),
    "gateways": ("src/urgentaction/channels/fax/telnyx/__init__.py", "import urgentaction.channels.sms.twilio"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copy(ROOT / "pyproject.toml", folder)
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE, folder / "src" / "urgentaction", ignore=leave_out)
    shutil.copytree(WORKERS_FOLDER, folder / "workers", ignore=leave_out)
    return folder


def verdict(folder: Path, contract: str) -> str:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--contract",
            contract,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    name = contracts()[contract]["name"]
    line = next((line for line in said.stdout.splitlines() if line.startswith(name)), "")
    # Behind the verdict stands how many imports the contract lets pass.
    return line.removeprefix(name).strip().partition(" ")[0] or said.stdout + said.stderr


def test_every_contract_has_its_breach() -> None:
    assert BREACHES.keys() == contracts().keys()


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_seen(copy: Path, contract: str) -> None:
    name, line = BREACHES[contract]
    file = copy / name
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(f"{before}\n{line}\n", encoding="utf-8")
        assert verdict(copy, contract) == "BROKEN"
    finally:
        file.write_text(before, encoding="utf-8")


def test_every_gateway_is_held_to_independence() -> None:
    channels = SOURCE / "channels"
    found = {".".join(path.parent.relative_to(SOURCE.parent).parts) for path in channels.glob("*/*/gateway.py")}
    assert found == set(contracts()["gateways"]["modules"])


def test_rules_are_found() -> None:
    assert list(SOURCE.glob("*/rules.py")), "the contract about rules would say nothing"
