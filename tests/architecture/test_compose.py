"""compose.yaml and the Dockerfile fit the Compose schema, and whatever they name exists.

No container engine is needed, so this can't say that the images start; it says that nothing in them is misspelt.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from django.conf import settings
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from tests.architecture.layout import ROOT, SOURCE, pyproject
from urgentaction.conf.env import VARIABLES

#: What the images of others read, by the first part of the image's name.
FOREIGN_VARIABLES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"},
    "valkey/valkey": set[str](),
}
FOREIGN_COMMANDS = {"postgres": set[str](), "valkey/valkey": {"valkey-server"}}
OURS = {"urgentaction", "urgentaction-sandbox"}
#: Understood by the program, but nothing to set in production.
NOT_HANDED_ON = {
    "URGENTACTION_DEBUG": "shows tracebacks in the browser",
    "URGENTACTION_CLOCK_OFFSET_SECONDS": "moves the clock, for drills",
    "URGENTACTION_BACKOFF_SCALE": "shortens the pauses between attempts, for drills",
    "URGENTACTION_SECOND_FACTOR": "lets approvers in without a second factor, to try things",
    "URGENTACTION_CRASH_AT": "kills the process at a named point, for drills",
}
INTERPOLATION = re.compile(r"(?<!\$)\$(?:\{([A-Z_]+)(?::?[-?+][^}]*)?\}|([A-Z_]+))")


@functools.cache
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def image_of(service: Mapping[str, Any]) -> str:
    return str(service["image"]).partition(":")[0]


def our_services() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services().items() if image_of(service) in OURS}


def option(command: list[str], name: str) -> str | None:
    """The value of `--name=value`."""
    values = [part.partition("=")[2] for part in command if part.startswith(f"--{name}=")]
    return values[-1] if values else None


def queues_of_services() -> dict[str, list[str]]:
    """Which queues each worker takes from, as compose.yaml starts it."""
    found = {}
    for name, service in our_services().items():
        command = [str(part) for part in service.get("command", [])]
        if command[:1] == ["celery"] and "worker" in command:
            found[name] = (option(command, "queues") or "celery").split(",")
    return found


def variables_read() -> set[str]:
    """Every variable that the program or the sandbox reads."""
    quoted = re.compile(r'"([A-Z][A-Z_]+)"')
    files = [*(SOURCE / "conf").glob("*.py"), SOURCE / "sandbox" / "config.py"]
    return set(VARIABLES) | {name for path in files for name in quoted.findall(path.read_text(encoding="utf-8"))}


def test_it_fits_the_compose_schema() -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    errors = jsonschema.validators.validator_for(schema)(schema).iter_errors(compose())
    assert [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors] == []


def test_the_schema_would_notice() -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    broken = json.loads(json.dumps(compose())) | {"services": {"web": {"image": "x", "helthcheck": {}}}}
    assert not jsonschema.validators.validator_for(schema)(schema).is_valid(broken)


def test_every_part_of_the_service_is_there() -> None:
    programs = {"web", "worker-urgent", "worker-bulk", "worker-receipts", "beat", "watch", "migrate"}
    assert set(services()) == programs | {"postgres", "valkey", "sandbox"}
    assert [name for name, service in services().items() if service.get("profiles")] == ["sandbox"]


@pytest.mark.parametrize("name", services())
def test_a_container_has_no_more_power_than_it_needs(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "restart" in service
    assert not service.get("privileged")
    assert image_of(service) in OURS or service["user"] not in {"root", "0"}
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "healthcheck" in service or name == "migrate"


@pytest.mark.parametrize("name", services())
def test_logs_do_not_fill_the_databases_disk(name: str) -> None:
    assert {"max-size", "max-file"} <= services()[name]["logging"]["options"].keys()


def test_a_worker_has_the_time_to_finish_what_it_holds() -> None:
    """Killed before, it leaves unknowns. Tasks are told to end in time by the soft limit."""
    workers = [service for name, service in services().items() if name.startswith("worker-")]
    longest = settings.TASK_SOFT_SECONDS + 30
    assert [worker for worker in workers if int(worker["stop_grace_period"].removesuffix("s")) < longest] == []


@pytest.mark.parametrize("name", services())
def test_environment_names_are_known(name: str) -> None:
    service = services()[name]
    known = variables_read() if image_of(service) in OURS else FOREIGN_VARIABLES[image_of(service)]
    assert set(service.get("environment", {})) - known == set()


def test_every_variable_of_the_program_can_be_set() -> None:
    for name in ("web", "worker-urgent", "worker-bulk", "worker-receipts", "beat", "watch", "migrate"):
        assert set(VARIABLES) - set(services()[name]["environment"]) == set(NOT_HANDED_ON)


def test_what_env_example_offers_is_what_compose_asks_for() -> None:
    offered = set(re.findall(r"(?m)^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8")))
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    asked = {first or second for first, second in INTERPOLATION.findall(text)}
    environments = [service.get("environment", {}) for service in services().values()]
    passed_on = {name for environment in environments for name, value in environment.items() if value is None}
    assert offered - asked - passed_on == set(), "offered, but never used"
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) - offered == set(), "required, but not explained"
    made_there = {"DATABASE_URL", "REDIS_URL"}
    assert set(VARIABLES) - offered - made_there == set(NOT_HANDED_ON), "can be set, but is not offered"


def test_no_secret_has_a_value() -> None:
    secret = {name for name, variable in VARIABLES.items() if variable.is_secret} | {"POSTGRES_PASSWORD"}
    for name, service in services().items():
        for variable, value in service.get("environment", {}).items():
            if variable in secret - {"REDIS_URL"}:
                assert value is None or "${" in value, f"{name}: {variable}"


@pytest.mark.parametrize("name", services())
def test_the_command_exists(name: str) -> None:
    service = services()[name]
    command = [str(part) for part in service.get("command", [])]
    if image_of(service) not in OURS:
        assert set(command[:1]) <= FOREIGN_COMMANDS[image_of(service)]
        return
    check_command(command)


def test_the_image_starts_something_that_exists() -> None:
    commands = re.findall(r"(?m)^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        check_command(json.loads(command))


def check_command(command: list[str]) -> None:
    """Fails if what a command of ours names can't be found."""
    match command:
        case ["gunicorn", module, *rest]:
            assert callable(importlib.import_module(module).application)
            hooks = (option(rest, "config") or "").removeprefix("python:")
            assert callable(importlib.import_module(hooks).on_starting)
        case ["celery", *rest]:
            assert importlib.import_module(option(rest, "app") or "").app.tasks
            assert {"worker", "beat"} & set(rest)
        case ["urgentaction", "manage", django_command, *_]:
            assert "manage" in subcommands()
            assert django_command in get_commands()
        case ["urgentaction", subcommand, *_]:
            assert subcommand in subcommands()
        case ["python", "-m", module, *rest]:
            assert flags(rest) <= flags(
                subprocess.run(
                    [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
                ).stdout.split()
            )
        case _:
            pytest.fail(f"nobody knows the command {shlex.join(command)}")


def flags(words: list[str]) -> set[str]:
    return {found[0] for word in words if (found := re.match(r"--[a-z-]+", word.lstrip("[")))}


def subcommands() -> set[str]:
    module, _, function = pyproject()["project"]["scripts"]["urgentaction"].partition(":")
    main = importlib.import_module(module)
    assert callable(getattr(main, function))
    return set(typer.main.get_command(main.app).commands)  # type: ignore[attr-defined]


def test_the_health_checks_ask_for_a_page_that_exists() -> None:
    path = re.search(r'"GET", "([^"]+)"', "\n".join(services()["web"]["healthcheck"]["test"]))
    assert path
    try:
        resolve(path[1])
    except Resolver404:
        pytest.fail(f"{path[1]} is no route of ours")


@pytest.mark.parametrize("name", queues_of_services())
def test_a_worker_is_asked_by_the_name_it_has(name: str) -> None:
    service = services()[name]
    host = option(service["command"], "hostname")
    assert host is not None
    assert f"--destination {host.removesuffix('%h')}$$HOSTNAME" in service["healthcheck"]["test"][1]


def test_the_image_is_made_of_files_that_exist() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = [name for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", text) for name in line.split()[:-1]]
    assert sources
    assert [name for name in sources if not (ROOT / name).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert [name for name in sources if f"!{name.partition('/')[0]}\n" not in ignored] == []


def test_what_the_settings_fall_back_to_is_in_the_image() -> None:
    """Templates, and the sample organisation that signs while nobody has named one of their own."""
    wheel = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = set(re.findall(r'"(shipped_\w+)"', (SOURCE / "conf" / "settings.py").read_text(encoding="utf-8")))
    assert wanted == {target.removeprefix("urgentaction/") for target in wheel["sources"].values() if target}
    copied = re.findall(r"(?m)^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert {folder.partition("/")[0] for folder in wheel["only-include"]} == set(copied)


OVERRIDES = [
    (page.name, block)
    for page in sorted((ROOT / "docs").glob("*.md"))
    for block in re.findall(r"(?s)```yaml\n(.*?)```", page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "block"), OVERRIDES, ids=[page for page, _ in OVERRIDES])
def test_an_override_in_the_documents_reaches_every_program(page: str, block: str) -> None:
    """A file that is named to all programs and handed to some stops the others, the watchman for one."""
    given = yaml.safe_load(block)["services"]
    programs = {name for name, service in services().items() if image_of(service) == "urgentaction"}
    assert set(given) == programs
    assert all(service == given["web"] for service in given.values())


def test_stages_exist_and_end_without_root() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = dict(re.findall(r"(?ms)^FROM \S+ AS (\S+)$(.*?)(?=^FROM |\Z)", text))
    targets = {service["build"]["target"] for service in our_services().values()}
    assert targets <= stages.keys()
    for target in targets:
        assert re.findall(r"(?m)^USER (\S+)$", stages[target])[-1] == "10001:10001"
