"""What the project's files may not contain, and what must come in pairs."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.architecture.layout import ROOT, project_files, text_of
from urgentaction.core.languages import LETTER_LANGUAGES

#: Every text exists in these.
LANGUAGES = frozenset({"en", "ko"})
#: These exist in every language of letters; what follows a first appeal falls back to English where it must.
EVERY_LANGUAGE = frozenset(LETTER_LANGUAGES)
IN_EVERY_LANGUAGE = ("/letters/first_appeal/", "/notices/appeal/", "/sms/appeal/", "/forms_of_address/")
#: `letters/appeal/en.md`, `sms/notice.ko.txt`, `email/notice_en.html`: the language and what surrounds it.
LANGUAGE_IN_NAME = re.compile(rf"(?<=[/._-])({'|'.join(LETTER_LANGUAGES)})(?=\.)")

# Written in pieces so that this file does not find itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:ro" + r"ot|wo" + r"rk|Us" + r"ers|ho" + r"me/(?!app\b)\w+)/[\w.]|[A-Z]:\\\\?Us" + r"ers"
)
INDEX_ADDRESS = re.compile(r"--(?:extra-)?index-url|--find-links|(?<!\w)-[if] |https?://", re.IGNORECASE)


def untranslated(names: list[str]) -> dict[str, set[str]]:
    """For every text that isn't there in all the languages it should: which are missing. Paths within `templates/`."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        if match := LANGUAGE_IN_NAME.search(f"/{name}"):
            found[LANGUAGE_IN_NAME.sub("*", f"/{name}")].add(match[1])
    missing = {text: set(_needed(text) - there) for text, there in found.items()}
    return {text: languages for text, languages in missing.items() if languages}


def _needed(text: str) -> frozenset[str]:
    return EVERY_LANGUAGE if text.startswith(IN_EVERY_LANGUAGE) else LANGUAGES


def test_every_text_exists_in_its_languages() -> None:
    templates = ROOT / "templates"
    names = [path.relative_to(templates).as_posix() for path in templates.rglob("*") if path.is_file()]
    assert all(any(f"/{name}".startswith(place) for name in names) for place in IN_EVERY_LANGUAGE)
    assert untranslated(names) == {}


def test_a_missing_translation_is_seen() -> None:
    names = ["letters/appeal/en.md", "letters/appeal/ko.md", "sms/notice.en.txt", "typst/letter.typ"]
    assert untranslated(names) == {"/sms/notice.*.txt": {"ko"}}
    first = [f"letters/first_appeal/{language}.md" for language in LETTER_LANGUAGES if language != "zh-Hans"]
    assert untranslated(first) == {"/letters/first_appeal/*.md": {"zh-Hans"}}


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_requirements_name_no_index_and_pin_every_hash(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert INDEX_ADDRESS.findall(text) == []
    pinned = re.findall(r"(?m)^[a-z0-9][^\s=]*==\S+.*$", text)
    entries = re.findall(r"(?m)^[^\s#].*$", text)
    assert pinned == entries
    assert all(entry.endswith("\\") for entry in entries), "a line without a hash"


@pytest.mark.parametrize(
    "line", ["--index-url https://mirror.invalid/simple", "-i http://mirror.invalid", "--find-links ./wheels"]
)
def test_an_index_address_is_seen(line: str) -> None:
    assert INDEX_ADDRESS.search(line)


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in project_files()
        for match in MACHINE_PATH.finditer(text_of(path) or "")
    ]
    assert found == []


@pytest.mark.parametrize("path", ["/ro|ot/.cache/x", "see /ho|me/ada/project", "/Us|ers/ada/x", "/wo|rk/main"])
def test_a_path_of_a_machine_is_seen(path: str) -> None:
    assert MACHINE_PATH.search(path.replace("|", ""))


@pytest.mark.parametrize("path", ["https://example.org/home/x", "templates/work/x", "/usr/share/fonts", "./work/x"])
def test_other_paths_are_let_through(path: str) -> None:
    assert not MACHINE_PATH.search(path)


def test_shell_scripts_can_be_run() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_nothing_secret_is_tracked() -> None:
    names = {path.name for path in project_files()}
    assert not names & {".env", "id_rsa", "id_ed25519"}
    private = [path.name for path in project_files() if "PRIVATE " + "KEY-----" in (text_of(path) or "")]
    assert private == []
