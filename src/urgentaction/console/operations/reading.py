"""The reads of the settings' pages. Writes nothing, decides nothing; shows no secret."""

from __future__ import annotations

import platform
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import django
import django_filters
from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from urgentaction import __version__
from urgentaction.accounts.models import ApiToken, AuditEntry, User
from urgentaction.accounts.service import chain_hash
from urgentaction.alerts.models import StandingApproval
from urgentaction.alerts.queries import in_force
from urgentaction.alerts.standing import approvable_rules
from urgentaction.cases.vocabulary import Status, label
from urgentaction.channels.options import Setting, settings_of
from urgentaction.channels.registry import KINDS
from urgentaction.channels.roster import Entry
from urgentaction.console.reading import names_of
from urgentaction.console.vocabulary import ACTIONS, APPROVALS
from urgentaction.core import clock
from urgentaction.core.errors import ConfigurationError, NotFound
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.deliveries.gateways import entries, entry_named, gateway_named
from urgentaction.deliveries.models import Attempt
from urgentaction.letters.content import Organisation, Signatory
from urgentaction.letters.organisation import organisation
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import gateway_states
from urgentaction.tracking.views import GatewayView
from urgentaction.triggers.decision import DraftRule, Rule
from urgentaction.triggers.ruleset import shipped

from .words import LEVELS

TRIES, HISTORY, RECEIPTS = 20, 10, 500
#: A token that ends within so long is pointed out.
SOON = timedelta(days=14)


# Gateways.


@dataclass(frozen=True, slots=True)
class GatewayLine:
    """A gateway in the list: its state, what it is, and where it stands."""

    state: GatewayView
    entry: Entry
    host: str


@dataclass(frozen=True, slots=True)
class GatewayPage(GatewayLine):
    """Everything on a gateway's page.

    Attributes:
        webhook: the address to enter at the provider; "" where it reports nothing back.
        fault: why it can't even be built from its options; "" where it can.
        receipts: by kind, among the last RECEIPTS of all gateways.
    """

    settings: tuple[Setting, ...] = ()
    webhook: str = ""
    fault: str = ""
    tries: list[Attempt] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    receipts: dict[str, int] = field(default_factory=dict)
    last_receipt_at: datetime | None = None
    history: list[AuditEntry] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)


def entry_called(name: str) -> Entry:
    """What is configured under that name. Raises NotFound."""
    return entry_named(name)


def gateways() -> list[GatewayLine]:
    """Every configured gateway, by channel."""
    known = entries()
    return [GatewayLine(state, known[state.name], _host(known[state.name])) for state in gateway_states()]


def gateway_called(name: str) -> GatewayPage:
    """One gateway with what it did lately. Raises NotFound."""
    entry = entry_named(name)
    state = next(one for one in gateway_states() if one.name == name)
    webhook, fault = _webhook(name)
    tries = list(_tries(name))
    kinds, last = _receipts(name)
    history = history_of(f"gateway:{name}")
    return GatewayPage(
        state,
        entry,
        _host(entry),
        settings=settings_of(name, KINDS[entry.kind], entry.options),
        webhook=webhook,
        fault=fault,
        tries=tries,
        outcomes=dict(Counter("fault" if one.is_fault else one.outcome for one in tries)),
        receipts=kinds,
        last_receipt_at=last,
        history=history,
        names=names_of(one.actor for one in history),
    )


def _host(entry: Entry) -> str:
    """Where it is: host and port, nothing that might be secret."""
    shown = {one.name: one.value for one in settings_of(entry.name, KINDS[entry.kind], entry.options)}
    if shown.get("host"):
        return f"{shown['host']}:{shown.get('port', '')}".rstrip(":")
    return urlsplit(shown.get("base_url", "")).netloc.rpartition("@")[2] or shown.get("provider", "")


def _webhook(name: str) -> tuple[str, str]:
    try:
        has_callbacks = gateway_named(name).capabilities.has_callbacks
    except ConfigurationError as fault:
        return "", str(fault)
    return (f"{settings.PUBLIC_URL}/hooks/{name}/" if has_callbacks else ""), ""


def _tries(name: str) -> QuerySet[Attempt]:
    rows = Attempt.objects.filter(gateway=name).select_related("delivery__alert")
    wanted = ("number", "started_at", "ended_at", "outcome", "retry_class", "code", "text", "is_fault")
    return rows.only(*wanted, "delivery__alert__number").order_by("-ended_at")[:TRIES]


def _receipts(name: str) -> tuple[dict[str, int], datetime | None]:
    """Among the last receipts of all gateways (their ids sort by time): how many by this one, of each kind."""
    rows = Receipt.objects.order_by("-id").values_list("gateway", "kind", "received_at")[:RECEIPTS]
    ours = [(kind, at) for gateway, kind, at in rows if gateway == name]
    return dict(Counter(kind for kind, _at in ours)), ours[0][1] if ours else None


def history_of(subject: str) -> list[AuditEntry]:
    """The latest entries of the audit log about something."""
    rows = AuditEntry.objects.filter(subject=subject).defer("previous_hash", "hash")
    return list(rows.order_by("-id")[:HISTORY])


# Rules and standing approvals.


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule as staff read it in a line."""

    rule: Rule | DraftRule
    statuses: tuple[str, ...]
    confidences: tuple[str, ...]
    action: str | Promise
    level: str | Promise
    approval: str | Promise

    @property
    def is_approvable(self) -> bool:
        """It may start alerts by itself where a standing approval is in force."""
        return self.rule.id in approvable_rules()


def rule_line(rule: Rule | DraftRule) -> RuleLine:
    """A rule in words."""
    full = rule if isinstance(rule, Rule) else None
    sends = full is not None and full.action != "record_only"
    return RuleLine(
        rule=rule,
        statuses=tuple(label(status) for status in rule.statuses) if len(rule.statuses) < len(Status) else (),
        confidences=tuple(label(confidence) for confidence in rule.confidences),
        action=ACTIONS[full.action if full else "draft_only"],
        level=LEVELS[full.level] if full and full.level else "",
        approval=APPROVALS[full.approval] if full and sends else "",
    )


class ApprovalFilters(django_filters.FilterSet):
    """Which standing approvals."""

    rule = django_filters.ChoiceFilter(label=gettext_lazy("Rule"), choices=lambda: [(r, r) for r in approvable_rules()])
    state = django_filters.ChoiceFilter(
        label=gettext_lazy("State"),
        method="by_state",
        choices=[
            ("in_force", gettext_lazy("in force")),
            ("revoked", gettext_lazy("revoked")),
            ("expired", gettext_lazy("expired")),
        ],
    )

    class Meta:
        model = StandingApproval
        fields: tuple[str, ...] = ()

    def by_state(self, rows: QuerySet[StandingApproval], _name: str, value: str) -> QuerySet[StandingApproval]:
        """By what is so now."""
        expired = Q(revoked_at=None, expires_at__lte=clock.now())
        revoked = Q(revoked_at__isnull=False)
        return rows.filter({"revoked": revoked, "expired": expired}.get(value, ~(expired | revoked)))


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    """A standing approval: `state` is in_force, revoked or expired; `is_orphan`: no active account has its name."""

    row: StandingApproval
    state: str
    is_orphan: bool


def approvals() -> QuerySet[StandingApproval]:
    """All of them."""
    return StandingApproval.objects.all()


def approval_lines(rows: Iterable[StandingApproval]) -> list[ApprovalLine]:
    """Each with its state, and whether the account it names still exists."""
    now, names = clock.now(), _names_of_staff()
    lines = []
    for row in rows:
        state = "in_force"
        if row.revoked_at is not None:
            state = "revoked"
        elif row.expires_at is not None and row.expires_at <= now:
            state = "expired"
        lines.append(ApprovalLine(row, state, is_orphan=state == "in_force" and row.by not in names))
    return lines


def approval_numbered(approval_id: uuid.UUID) -> StandingApproval:
    """One of them. Raises NotFound."""
    found = StandingApproval.objects.filter(id=approval_id).first()
    if found is None:
        raise NotFound.of("approval", "there is no such standing approval")
    return found


def approvals_of(rule: str) -> list[StandingApproval]:
    """Those of a rule that are in force."""
    return list(in_force().filter(rule=rule).order_by("granted_at"))


def approved_rules() -> set[str]:
    """The rules with a standing approval in force."""
    return set(in_force().values_list("rule", flat=True))


def rules_without_approval() -> list[str]:
    """Rules that could start alerts by themselves and don't: each alert of theirs waits for a person."""
    approved = approved_rules()
    return [rule for rule in approvable_rules() if rule not in approved]


def _names_of_staff() -> set[str]:
    users = User.objects.filter(is_active=True).only("username", "first_name", "last_name", "email")
    return {name for user in users for name in (user.username, user.get_full_name(), f"user:{user.pk}") if name}


# Tokens, contacts, audit.


class TokenFilters(django_filters.FilterSet):
    """Which tokens."""

    state = django_filters.ChoiceFilter(
        label=gettext_lazy("State"),
        method="by_state",
        choices=[
            ("alive", gettext_lazy("alive")),
            ("revoked", gettext_lazy("revoked")),
            ("expired", gettext_lazy("expired")),
        ],
    )

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = ()

    def by_state(self, rows: QuerySet[ApiToken], _name: str, value: str) -> QuerySet[ApiToken]:
        """By what is so now."""
        if value == "revoked":
            return rows.filter(revoked_at__isnull=False)
        over = Q(expires_at__lte=clock.now())
        return rows.filter(over if value == "expired" else ~over, revoked_at=None)


@dataclass(frozen=True, slots=True)
class ContactsView:
    """Whom the watchman calls: the webhook's host (its path may be its secret), addresses, the mail server's host."""

    webhook: str
    mail: tuple[str, ...]
    server: str

    @property
    def is_empty(self) -> bool:
        """Nobody is called."""
        return not (self.webhook or self.mail)


def contacts() -> ContactsView:
    """As they are configured."""
    given = settings.ONCALL
    server = urlsplit(given.smtp)
    return ContactsView(
        webhook=urlsplit(given.url).hostname or "",
        mail=given.mail,
        server=":".join(str(part) for part in (server.hostname, server.port) if part),
    )


def fits(entry: AuditEntry) -> bool:
    """Whether an entry is as it was written, and stands behind the one it was written behind."""
    before = AuditEntry.objects.filter(id__lt=entry.id).order_by("-id").values_list("hash", flat=True).first()
    previous = bytes(before) if before is not None else bytes(32)
    return bytes(entry.previous_hash) == previous and bytes(entry.hash) == chain_hash(entry)


# Organisation, versions, and the first page.


@dataclass(frozen=True, slots=True)
class OrganisationFacts:
    """Who writes, in each language of the letters; `fault` where the file can't be used."""

    languages: list[tuple[str, Organisation, Signatory]]
    fault: str = ""


def organisation_facts() -> OrganisationFacts:
    """As the letters have it."""
    try:
        who = organisation()
    except ConfigurationError as fault:
        return OrganisationFacts([], str(fault))
    return OrganisationFacts([(language, who.view(language), who.signatory(language)) for language in LETTER_LANGUAGES])


def versions() -> dict[str, str]:
    """What runs here."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        database = str(cursor.fetchone()[0])
    return {
        "urgentaction": __version__,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "PostgreSQL": database,
        _("Rules"): f"{shipped().version} ({shipped().digest[:12]})",
    }


def notes() -> dict[str, str]:
    """What in the sections wants to be looked at: the section's route → a few words."""
    found: dict[str, str] = {}
    unusable = sum(not state.is_usable for state in gateway_states())
    if unusable:
        words = ngettext("%(n)d paused or broken", "%(n)d paused or broken", unusable)
        found["console:gateways"] = words % {"n": unusable}
    if waiting := rules_without_approval():
        found["console:standing-approvals"] = _("none for %(rules)s") % {"rules": ", ".join(waiting)}
    if not settings.ONCALL.ways:
        found["console:on-call"] = _("nobody is called")
    now = clock.now()
    ending = ApiToken.objects.filter(revoked_at=None, expires_at__gt=now, expires_at__lt=now + SOON).count()
    if ending:
        words = ngettext("%(n)d ends within two weeks", "%(n)d end within two weeks", ending)
        found["console:tokens"] = words % {"n": ending}
    return found
