"""What the rooms say, in the reader's language: refusals, tasks, and why things stand where they stand.

Rooms speak English, and the database keeps it so (`core.phrases`). A sentence that comes from a room directly remembers
what it was made of; one that was stored is found again among the phrases of the modules below. What is neither, such as
a gateway's own words, stays as it is. Where a room's phrase names commands to type, a page says what to do here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_  # noqa: N812 - as everybody calls it, the collector too

from urgentaction.alerts import service as alerts
from urgentaction.cases.vocabulary import Confidence, Status, label
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.phrases import Code, Named, Phrase, Said
from urgentaction.deliveries import announcing, contact_points, escalate, outgoing, pausing, reasons, service, unknowns
from urgentaction.incidents import phrases as incidents
from urgentaction.pipeline import deciding, going_live, working
from urgentaction.receipts import complaints, effects, mail
from urgentaction.receipts import service as receipts

from .vocabulary import FAMILIES, called, in_reader_language, reader_language

#: Where phrases stand that are stored. A test sees that none is forgotten.
PLACES: tuple[ModuleType, ...] = (
    *(announcing, contact_points, escalate, outgoing, pausing, reasons, service, unknowns),
    *(alerts, deciding, going_live, working, complaints, effects, mail, receipts, incidents),
)

#: A room's phrase that names commands → what a page says instead, with the same values or fewer.
INSTEAD: Mapping[str, str] = {
    contact_points.LOOK_UP.template: N_(
        "%(which)s does not work any more (%(why)s). Look it up, then put the new one in its place; that closes this "
        "task too."
    ),
    announcing.DECIDE.template: N_("Read what goes out, then approve or reject it."),
    announcing.FILL.template: N_(
        "No letter goes there. Record in the directory who holds the office, then compose an alert."
    ),
    announcing.REPORT_THEM.template: N_(
        "The update concerned others of the group. For %(persons)s report their own status, or compose an alert."
    ),
    announcing.APPROVE.template: N_("Somebody other than its author reads what goes out, and approves or rejects it."),
    announcing.DECIDE_ANEW.template: N_("Read what goes out, then approve or reject it."),
    announcing.READ_AGAIN.template: N_("Read what goes out, and approve it again. %(changes)s."),
    announcing.CORRECT.template: N_("%(fault)s Correct the case's texts, then compose an alert."),
    announcing.PUBLISH_ANEW.template: N_("%(fault)s Then publish it anew, and take this one away."),
    pausing.LOOK.template: N_(
        "Delivery %(delivery)s was the first. %(said)s Look at the message, the recipient and our standing with them. "
        "They are tried again by themselves, and at once after somebody resumes the gateway."
    ),
    pausing.PUT_RIGHT.template: N_(
        "%(said)s Correct the credentials, the sender or the document, test the gateway, then resume it. Nothing was "
        "lost; deliveries wait."
    ),
    unknowns.FIND_OUT.template: N_(
        "The gateway %(gateway)s took it or not, nobody can say. Look at its own log for our reference %(reference)s, "
        "or ask the recipient; then say what became of it."
    ),
    service.SETTLE_FIRST.template: N_("say what became of the delivery; that closes the task too"),
    incidents.RESUME.template: N_("The page of the gateway says why. Put it right, then resume it."),
    incidents.MENDS_ITSELF.template: N_(
        "The page of the gateway says why. It is tried again by itself; if it stays so, ask its provider."
    ),
    incidents.DECIDE.template: N_("Read what goes out, then approve or reject it."),
    incidents.LIST_QUEUED.template: N_("On the server, the log of `worker-%(worker)s` says why."),
    incidents.LIST_UNKNOWN.template: N_(
        "The list of unknown deliveries shows them; on the server, the log of `worker-urgent` says why not."
    ),
    incidents.SEE_TO_TASKS.template: N_("Each task says what to do. Write what came of it when it is done."),
    mail.READ_COMPLAINT.template: N_(
        "Read it among the replies. Offices are not suppressed; if mail goes unread there, take its address out of the "
        "directory and write by fax."
    ),
    mail.LIST_IT.template: N_("On the server, `urgentaction inbound list` shows it, and `inbound show ID` opens one."),
    mail.READ_REPLY.template: N_("Read it. If the sender wants to hear no more, suppress the address."),
}


def in_words(text: str) -> str:
    """What a room said, stored or named, in the reader's language."""
    if isinstance(text, Named):
        return in_reader_language(text.names) or text
    said = text if isinstance(text, Said) else found_again(text)
    if said is None:
        return text
    words = gettext(INSTEAD.get(said.template, said.template))
    return words % {name: _value(one) for name, one in said.values.items()} if said.values else words


def found_again(text: str) -> Said | None:
    """A stored sentence as what it was made of; None where it is none of ours."""
    if exact := _fixed().get(text):
        return exact
    found = (phrase.found_in(text) for phrase in _phrases())
    return next((said for said in found if said is not None), None)


def refusal_in_words(refusal: Exception) -> str:
    """Everything that was refused, in one line."""
    if isinstance(refusal, InvalidInput):
        return " ".join(_sentence(in_words(problem.message)) for problem in refusal.problems)
    return in_words(refusal.args[0]) if refusal.args and isinstance(refusal.args[0], str) else str(refusal)


def problem_in_words(problem: Problem) -> str:
    """A problem with its place, where it stands by itself: a line of a file, say."""
    words = in_words(problem.message)
    return f"{problem.field}: {words}" if problem.field else words


def _value(value: str) -> str:
    if not isinstance(value, Code):
        return in_words(value)
    match value.family:
        case "status":
            return _labelled(Status, value)
        case "confidence":
            return _labelled(Confidence, value)
        case family:
            return called(family, value.stored) if value.stored in FAMILIES[family] else value


def _labelled(words: type[Status | Confidence], english: str) -> str:
    """A status or confidence by what it is called in English, which is what sentences hold."""
    return next((label(one, reader_language()) for one in words if label(one) == english), english)


def _sentence(words: str) -> str:
    """With a capital and a full stop: rooms leave both out, because a field's name may stand before it."""
    return f"{words[:1].upper()}{words[1:]}{'' if words[-1:] in '.?!' else '.'}" if words else words


@cache
def _phrases() -> tuple[Phrase, ...]:
    """Those that begin with a value come last; of two that begin alike the longer one comes first."""
    found = [one for one in _stored() if isinstance(one, Phrase) and "%(" in one.template]
    return tuple(sorted(found, key=lambda one: (len(one.template.partition("%(")[0]), len(one.template)), reverse=True))


@cache
def _fixed() -> Mapping[str, Said]:
    """Those without values, by their text."""
    phrases = (one() if isinstance(one, Phrase) else one for one in _stored() if not _has_values(one))
    return {str(one): one for one in phrases}


def _has_values(one: Phrase | Said) -> bool:
    return isinstance(one, Phrase) and "%(" in one.template


def _stored() -> Iterator[Phrase | Said]:
    for place in PLACES:
        yield from (one for one in vars(place).values() if isinstance(one, (Phrase, Said)))
