"""How the holder of an office is addressed, by language and kind of office: data with sources, in one file a language.

    [minister]
    source = "…"
    closing = "Veuillez agréer, {salutation}, l’expression de ma très haute considération."
    anybody = { honorific = "Son Excellence", salutation = "Excellence" }
    woman = { honorific = "Son Excellence Madame", salutation = "Madame la Ministre" }
    man = { honorific = "Son Excellence Monsieur", salutation = "Monsieur le Ministre" }

`anybody` serves where it is not known which form somebody wants, and in languages that have only one. Owns reading and
checking these files, and choosing. Must not know officials: what the directory says of a person comes before a form.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from urgentaction.core.errors import TemplateError
from urgentaction.core.tables import Record, place_in
from urgentaction.directory.kinds import AddressedAs, OfficeKind
from urgentaction.letters.wording import MissingTranslation

FOLDER = "forms_of_address"

_Words = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormOfAddress:
    """How one letter addresses one person.

    Attributes:
        honorific: printed with the name in the address block; empty where the language has none for the office.
        salutation: with `{name}` where the language puts it there; without the mark that ends it.
        closing: with `{salutation}` where the language repeats it; without the mark that ends it.
        source: where the form is written down, or "common diplomatic usage".
    """

    honorific: str
    salutation: str
    closing: str
    source: str

    def greeting(self, name: str) -> str:
        """The salutation to somebody of this name."""
        return self.salutation.replace("{name}", name)

    def farewell(self, salutation: str) -> str:
        """The closing of a letter that began with this salutation."""
        return self.closing.replace("{salutation}", salutation)


class _Form(Record):
    honorific: Annotated[str, StringConstraints(max_length=80)] = ""
    salutation: _Words
    closing: _Words | None = None  # where it differs from the kind's own


class _Kind(Record):
    source: _Words
    closing: _Words
    anybody: _Form
    woman: _Form | None = None
    man: _Form | None = None


class _File(Record):
    kind: dict[str, _Kind] = Field(min_length=1)


def form_of_address(language: str, kind: OfficeKind, addressed_as: AddressedAs | None, *, root: Path) -> FormOfAddress:
    """The form for an office's holder.

    Args:
        addressed_as: None where it is not known: then the form that fits everybody.
        root: the `templates/` folder.

    Raises:
        MissingTranslation: the language has no such file, or the file not this kind.
        TemplateError: the file can't be used; says where.
    """
    forms = load_forms(language, root=root)
    if (kind, None) not in forms:
        raise MissingTranslation(f"{FOLDER}/{language}.toml has no form for {kind}; add the table [{kind}]")
    return forms.get((kind, addressed_as)) or forms[kind, None]


@cache
def load_forms(language: str, *, root: Path) -> Mapping[tuple[OfficeKind, AddressedAs | None], FormOfAddress]:
    """All forms of a language, by kind of office and grammatical form. Read once per process.

    Raises:
        MissingTranslation: there is no such file.
        TemplateError: the file can't be used; says where.
    """
    name = f"{FOLDER}/{language}.toml"
    try:
        tables = tomllib.loads((root / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingTranslation(
            f"no forms of address in {language!r}; add the file templates/{name}, or a salutation to the official"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TemplateError(f"{name} can't be read: {error}") from error
    try:
        told = _File.model_validate({"kind": tables})
    except ValidationError as error:
        first = error.errors()[0]
        raise TemplateError(f"{place_in(name, tables, first['loc'][1:])}: {first['msg']}") from None
    forms: dict[tuple[OfficeKind, AddressedAs | None], FormOfAddress] = {}
    for key, entry in told.kind.items():
        if key not in list(OfficeKind):
            raise TemplateError(f"{name}: {key!r} is no kind of office; there are {', '.join(OfficeKind)}")
        for addressed_as, form in (
            (None, entry.anybody),
            (AddressedAs.WOMAN, entry.woman),
            (AddressedAs.MAN, entry.man),
        ):
            if form is not None:
                forms[OfficeKind(key), addressed_as] = FormOfAddress(
                    honorific=form.honorific.strip(),
                    salutation=form.salutation,
                    closing=form.closing or entry.closing,
                    source=entry.source,
                )
    return forms
