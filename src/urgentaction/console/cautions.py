"""What to be careful about before agreeing to an update or an alert, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from urgentaction.tracking.forecast_views import Caution, Warned

from .phrasing import in_words
from .vocabulary import called, language_name

_CAUTIONS: Mapping[Caution, Promise | str] = {
    Caution.LETTER_FAULTY: gettext_lazy("A text can’t be made, and its alert would stop at once: %(why)s"),
    Caution.STALE: gettext_lazy(
        "It is as of %(as_of)s, but the case is already known as of %(latest)s: it is written down and changes nothing."
    ),
    Caution.RUMOUR: gettext_lazy(
        "A rumour sends nothing, stops nothing and leaves the case as it is. It makes a draft to decide on."
    ),
    Caution.FAMILY: gettext_lazy(
        "The family comes first: nothing goes to supporters and nothing is published before an update says that they "
        "know."
    ),
    Caution.REMAINDER: gettext_lazy(
        "%(persons)s: still at risk, and this stops their running appeal. Report their own status next, or compose an "
        "alert for them."
    ),
    Caution.NEW_TARGET: gettext_lazy("Whom the successor letter goes to is for a person to choose."),
    Caution.NOBODY: gettext_lazy("At this moment nobody would hear of it."),
    Caution.VACANT: gettext_lazy("%(office)s: nobody is recorded as holding this office, so no letter goes there."),
    Caution.NO_CONTACT: gettext_lazy(
        "%(office)s: there is no way to reach it that the rule allows. It becomes a task for a person."
    ),
    Caution.UNVERIFIED: gettext_lazy("%(office)s: nobody has verified its %(channel)s."),
    Caution.FAILING: gettext_lazy("%(office)s: its %(channel)s has failed lately."),
    Caution.IN_ENGLISH: gettext_lazy(
        "%(office)s prefers %(preferred)s, but the letter will be in %(language)s: text, template or salutation is "
        "missing."
    ),
    Caution.CONSENT_CHANGED: gettext_lazy(
        "The consent of %(person)s is newer than the last letter: read how it names them."
    ),
    Caution.NO_CONSENT: gettext_lazy("No consent of %(person)s is on record: they appear by description or pseudonym."),
    Caution.EMBARGO: gettext_lazy("The case is under embargo until %(until)s: open letters stay hidden until then."),
    Caution.NO_GATEWAY: gettext_lazy("No gateway for %(channel)s works at this moment: what needs one waits."),
    Caution.PUBLISHED: gettext_lazy(
        "Published letters of this case: %(letters)s. They tell of a change only once you publish this update."
    ),
    Caution.SANDBOX: gettext_lazy("%(who)s: its %(channel)s may be a real one, so nothing goes there in sandbox mode."),
    Caution.LONG_SMS: gettext_lazy("The SMS in %(language)s takes %(segments)s segments; each is billed."),
    Caution.OVERTAKEN: gettext_lazy("The case has a newer status: this alert is stale and can't be sent."),
    Caution.TOO_LATE: gettext_lazy("Its deadline has passed: it expires instead of being sent."),
    Caution.NOT_ADDRESSED: gettext_lazy("Nobody is addressed yet: name the officials whom this letter goes to."),
    Caution.NO_LETTER: gettext_lazy("No official would be written to."),
    Caution.NO_NOTICE: gettext_lazy("No notice in %(missing)s: who reads these gets the English one."),
    Caution.UNFIT_SMS: gettext_lazy("Korean carriers drop these characters of the SMS: %(unfit)s"),
    Caution.TEMPLATE: "%(template)s: %(why)s",
}
#: What stands out: it keeps somebody from hearing, or it can't be taken back.
_GRAVE = frozenset(
    {
        Caution.LETTER_FAULTY,
        Caution.FAMILY,
        Caution.REMAINDER,
        Caution.VACANT,
        Caution.NO_CONTACT,
        Caution.NO_GATEWAY,
        Caution.OVERTAKEN,
        Caution.TOO_LATE,
        Caution.NOT_ADDRESSED,
        Caution.NO_LETTER,
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """A caution in words."""

    words: str
    is_grave: bool


def said(cautions: Iterable[Warned]) -> list[Said]:
    """Cautions in the reader's language, the grave ones first."""
    found = [Said(_words(one), one.caution in _GRAVE) for one in cautions]
    return sorted(found, key=lambda one: not one.is_grave)


def _words(warned: Warned) -> str:
    values = {name: _value(name, value) for name, value in warned.values.items()}
    return str(_CAUTIONS[warned.caution]) % values


def _value(name: str, value: str) -> str:
    match name:
        case "channel":
            return called("channel", value)
        case "language" | "preferred":
            return language_name(value)
        case "missing":
            return ", ".join(language_name(code) for code in value.split(","))
        case "until":
            at = parse_datetime(value)
            return timezone.localtime(at).strftime("%Y-%m-%d %H:%M %Z") if at else value
    return in_words(value)
