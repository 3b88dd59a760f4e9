"""Where a task is seen to: the console's pages for what its advice says. Pure; reads nothing but the task itself.

The advice is written in rooms that know no pages, so it names the command line, which also helps when the web is down.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from urgentaction.accounts.models import Role
from urgentaction.deliveries.models import HumanTask


@dataclass(frozen=True, slots=True)
class Way:
    """A page, and the least role that it opens to."""

    label: str
    address: str
    least: Role = Role.VIEWER


def ways_on(task: HumanTask) -> list[Way]:
    """The pages where it can be done, the likeliest first; none where only hands help.

    Args:
        task: with its alert and the alert's case at hand, where it has one.
    """
    what, _colon, rest = task.key.partition(":")
    found: list[Way] = []
    match what:
        case "decide" if task.alert:
            found.append(
                Way(_("Read what goes out"), reverse("console:alert-preview", args=[task.alert.id]), Role.EDITOR)
            )
        case "unknown" if task.delivery_id:
            found.append(Way(_("Say what became of it"), reverse("console:delivery", args=[task.delivery_id])))
        case "fix" | "held":
            name = rest.partition(":")[0]
            found.append(Way(_("Gateway %(name)s") % {"name": name}, reverse("console:gateway", args=[name])))
        case "replace":
            found.append(Way(_("Replace it"), reverse("console:contact-point", args=[rest]) + "#replace"))
        case "vacant":
            office = rest.partition(":")[2]
            found.append(Way(_("The office in the directory"), reverse("console:directory") + f"?text={office}"))
        case "reply" if rest != "mail":
            found.append(Way(_("Read a message"), reverse("console:reply", args=[task.id]), Role.EDITOR))
        case "template":
            found.append(Way(_("Templates"), reverse("console:templates")))
    return found + _ways_of_the_case(task, what)


def _ways_of_the_case(task: HumanTask, what: str) -> list[Way]:
    """What is to be done with the case that the alert is about."""
    if task.alert is None:
        return []
    reference = task.alert.case.reference
    texts = Way(_("Titles and texts"), reverse("console:case-texts", args=[reference]), Role.EDITOR)
    compose = Way(_("Compose an alert"), reverse("console:alert-new") + f"?case={reference}", Role.EDITOR)
    letters = Way(_("Open letters"), reverse("console:publications", args=[reference]))
    return {"consent": [texts, compose], "template": [texts], "vacant": [compose], "published-name": [letters]}.get(
        what, []
    )
