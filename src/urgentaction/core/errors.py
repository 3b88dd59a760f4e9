"""The one error tree.

UrgentActionError
├── ConfigurationError      the program is set up wrongly: names the variable or file, and what to write there
│   └── SandboxRefusal      a public host or a real address was met while the mode is `sandbox`
├── InvalidInput            what a person or program handed in can't be used: names the field or row
│   ├── NotFound            the thing named does not exist
│   └── Conflict            the thing exists, but its state forbids what was asked
├── NotAllowed              the caller may not do this
├── TemplateError           a letter or notice template can't be rendered: names template, line and variable
├── DecryptionError         a stored secret can't be read with the keys at hand
└── Fenced                  a worker came back after its lease ended; its result is refused

Every message is one that its reader can act on. Nothing here is raised to steer ordinary control flow:
what a gateway answered is a value (`channels.contract.Outcome`), never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class UrgentActionError(Exception):
    """Root of every error this project raises on purpose. `str(error)` is fit to show to a person."""

    #: Exit code of the command line for this kind of error (docs/cli.md lists them).
    exit_code = 1


class ConfigurationError(UrgentActionError):
    """The program is set up wrongly. The message names the variable or file."""

    exit_code = 78  # EX_CONFIG of sysexits.h


class SandboxRefusal(ConfigurationError):
    """In sandbox mode nothing outside the reserved test ranges may be dialled, mailed or configured."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: which field (or `row 7, column email`), what is wrong, what to do."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass
class InvalidInput(UrgentActionError):
    """An input can't be used. Nothing of it was written.

    Args:
        problems: everything wrong with it, so that one round of corrections is enough.
    """

    problems: list[Problem] = field(default_factory=list)
    exit_code = 65  # EX_DATAERR

    @classmethod
    def of(cls, field_name: str, message: str) -> InvalidInput:
        """The common case of a single problem."""
        return cls([Problem(field_name, message)])

    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.problems)

    __hash__ = Exception.__hash__


class NotFound(InvalidInput):
    """The case, alert, office … named by the caller does not exist."""

    exit_code = 66  # EX_NOINPUT


class Conflict(InvalidInput):
    """It exists, but its present state forbids what was asked (approving a withdrawn alert, say)."""

    exit_code = 75  # EX_TEMPFAIL: look at the state, then decide again


class NotAllowed(UrgentActionError):
    """The caller lacks the role or scope; the message names it."""

    exit_code = 77  # EX_NOPERM


class TemplateError(UrgentActionError):
    """A template can't be rendered. The message names the template, the line and the variable."""

    exit_code = 65


class DecryptionError(UrgentActionError):
    """A stored value can't be decrypted: wrong key ring, or the value was moved or altered."""

    exit_code = 78


class Fenced(UrgentActionError):
    """A write came after its lease had ended or its alert had stopped; the database refused it."""

    exit_code = 75
