"""What rooms say: English sentences that remember what they were made of, so that pages can translate them.

Rooms speak English, to terminals, programs, logs and the database alike. Whoever shows it to a reader puts the same
values into the template's translation (`console.phrasing`); the templates are collected for it by their callers' names
(`conf.words`). Two ways:

- `say("alert %(number)s is over", number=…)`, where the sentence itself reaches the reader: errors.
- `Phrase("Reach %(official)s")`, a constant, where it is stored first: it finds its values in the text again.

Pure. Knows no language but English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

_VALUE = re.compile(r"%\((\w+)\)s")


class Said(str):
    """A sentence, with its template and the values in it."""

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, str]

    @classmethod
    def of(cls, template: str, values: Mapping[str, str]) -> Said:
        """`template` with its `%(name)s` filled in; without values it is taken as it stands."""
        said = cls(template % values if values else template)
        said.template, said.values = template, values
        return said


class Code(str):
    """A stored code within a sentence, such as a state: its underscores as blanks, and the family of words it is of."""

    __slots__ = ("family", "stored")
    family: str
    stored: str

    @classmethod
    def of(cls, family: str, stored: str) -> Code:
        """`family` as `console.vocabulary` calls it."""
        code = cls(stored.replace("_", " "))
        code.family, code.stored = family, stored
        return code


class Named(str):
    """A name within a sentence, with what it is in other languages."""

    __slots__ = ("names",)
    names: Mapping[str, str]

    @classmethod
    def of(cls, name: object, names: Mapping[str, str]) -> Named:
        """`name` in English, `names` by language."""
        named = cls(name)
        named.names = names
        return named


def say(template: str, /, **values: object) -> Said:
    """A sentence. Values that are sentences or codes stay so."""
    return Said.of(template, {name: one if isinstance(one, str) else str(one) for name, one in values.items()})


class Phrase:
    """A sentence to be stored: called with its values it makes the text, and it finds them in a text again.

    Args:
        template: in English, with `%(name)s` for its values.
        families: the values that are codes, and the family of words each belongs to.
    """

    def __init__(self, template: str, **families: str) -> None:
        self.template = template
        self.families = families

    @classmethod
    def typed(cls, template: str, **families: str) -> Phrase:
        """One that names commands to type: pages say it in words of their own (`console.phrasing`)."""
        return cls(template, **families)

    def __call__(self, **values: object) -> Said:
        return say(self.template, **values)

    def found_in(self, text: str) -> Said | None:
        """The text as a sentence, where it is one of these; None for another, or for one that was cut short."""
        if not text.startswith(self._fixed[0]) or self._longest not in text:  # far cheaper than the pattern
            return None
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        return Said.of(self.template, {name: self._value(name, one) for name, one in match.groupdict().items()})

    def _value(self, name: str, value: str) -> str:
        return Code.of(self.families[name], value.replace(" ", "_")) if name in self.families else value

    @cached_property
    def _fixed(self) -> list[str]:
        """What stands between its values, the beginning and the end included."""
        return [part.replace("%%", "%") for part in _VALUE.split(self.template)[::2]]

    @cached_property
    def _longest(self) -> str:
        return max(self._fixed, key=len)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        names = _VALUE.split(self.template)[1::2]
        named = [f"(?P={name})" if name in names[:at] else f"(?P<{name}>.*?)" for at, name in enumerate(names)]
        parts = zip(map(re.escape, self._fixed), [*named, ""], strict=True)
        return re.compile("".join(before + value for before, value in parts), re.DOTALL)
