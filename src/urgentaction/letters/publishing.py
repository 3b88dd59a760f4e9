"""Publishing: a letter is put before everybody, and taken away again. Each verb is one transaction.

What the public reads is never the letter as the office got it: it is rendered anew with the consent given for the
public, checked for names that the public may not have, and frozen with its hash. Reads are in `published`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.text import slugify

from urgentaction.accounts.service import record_audit
from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import has_enough_approvals
from urgentaction.cases.models import Person, StatusUpdate
from urgentaction.cases.queries import Shown
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotFound, TemplateError
from urgentaction.core.phrases import Code, say

from . import markdown, views
from .compose import Occasion, letter_context
from .consent import check_consent
from .content import Audience, LetterContext
from .models import Letter, Publication, PublicEdition, PublicUpdate
from .publishing_words import title_of
from .render import RenderedLetter, addressee_lines, cc_lines, reference_line, render_letter, signature_lines
from .service import template, typesetter
from .source import Family
from .topics import Topic
from .typeset import pdf_sha256
from .wording import labels

#: What the family has to know before anybody else does.
GRAVE = frozenset({Status.DIED, Status.EXECUTED, Status.FORCIBLY_RETURNED})
#: The forms in which a person can be shown, the most careful first.
_CAREFUL = (Shown.DESCRIPTION, Shown.PSEUDONYM, Shown.NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a letter is to be published.

    Attributes:
        languages: in which it appears; empty: in all in which it can.
        titles: {language: title} where the usual one does not do.
        region: a code of `topics.REGIONS`, or empty.
        time_zone: of the date shown; empty: the addressee's.
        embargo_until: nobody sees it before; None: at once.
        corrects: slug of the publication that this one corrects; `correction` says what was wrong, by language.
    """

    languages: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    region: str = ""
    topic: Topic | None = None
    time_zone: str = ""
    embargo_until: datetime | None = None
    corrects: str = ""
    correction: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicParts:
    """What stands around the body of a published letter, as text, in the order in which it is read."""

    organisation: str
    date_line: str
    addressee: tuple[str, ...]
    salutation: str
    closing: str
    signature: tuple[str, ...]
    cc: tuple[str, ...]
    reference: str


@transaction.atomic
def publish_letter(alert: Alert, terms: Terms, *, by: str) -> Publication:
    """Put an alert's letter before the public, in as many languages as it can be written in.

    Args:
        by: who decides, as the audit log names people.

    Raises:
        Conflict: its letters do not stand, it lacks approvals, it is published or corrected already, or nobody may know
            yet of what it is about (`_may_be_known`).
        NotFound: there is no publication `terms.corrects`.
        TemplateError: an edition can't be made, or would show a name that the public may not have.
    """
    Alert.objects.select_for_update(of=("self",)).get(id=alert.id)
    _may_be_published(alert)
    corrected = _corrected(alert, terms)
    frozen = list(Letter.objects.filter(alert=alert).select_related("official__office").order_by("-role", "frozen_at"))
    languages = terms.languages or _possible_languages(alert, frozen)
    shown_forms = {person.key: form_shown(person).value for person in alert.case.persons.all()}
    publication = Publication.objects.create(
        alert=alert,
        slug=_free_slug(alert, languages[0] if "en" not in languages else "en"),
        region=terms.region,
        topic=terms.topic.value if terms.topic else "",
        time_zone=terms.time_zone or frozen[0].official.office.time_zone,
        published_at=clock.now(),
        published_by=by[:80],
        embargo_until=terms.embargo_until,
        corrects=corrected,
        correction=dict(terms.correction),
        shown_forms=shown_forms,
    )
    dated = alert.dated_on or _day_of(frozen[0])
    editions = [_edition(publication, language, dated, terms.titles.get(language, "")) for language in languages]
    PublicEdition.objects.bulk_create(editions)
    record_audit(
        by,
        "letter.publish",
        f"publication:{publication.id}",
        alert=alert.number,
        languages=",".join(languages),
        embargo_until=terms.embargo_until or "",
        corrects=corrected.id if corrected else "",
    )
    return publication


@transaction.atomic
def withdraw_publication(slug: str, *, why: str, by: str) -> Publication:
    """Take a published letter away, at once and for good: its address says from now on that it is gone.

    Args:
        why: in words, without names; it stays with the row and is shown to nobody else.

    Raises:
        NotFound: nothing was ever published there.
        Conflict: it is withdrawn already.
        InvalidInput: no reason given.
    """
    if not why.strip():
        raise InvalidInput.of("why", say("say why it is taken away; it stays with the entry"))
    row = Publication.objects.select_for_update().filter(slug=slug).first()
    if row is None:
        raise NotFound.of(
            "letter",
            say("nothing was published as %(slug)s; `urgentaction letter published` lists them", slug=f"{slug!r}"),
        )
    if row.withdrawn_at is not None:
        raise Conflict.of(
            "letter",
            say(
                "%(slug)s was withdrawn on %(withdrawn_at)s UTC",
                slug=slug,
                withdrawn_at=f"{row.withdrawn_at:%Y-%m-%d %H:%M}",
            ),
        )
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_why = clock.now(), by[:80], why.strip()[:400]
    row.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_why"])
    record_audit(by, "letter.unpublish", f"publication:{row.id}", alert=row.alert.number)
    return row


@transaction.atomic
def publish_update(update: StatusUpdate, *, by: str) -> PublicUpdate:
    """Let everybody know of a status update: published letters of its case then say that things have changed.

    Raises:
        Conflict: it is a rumour, or the family has not been told of it.
    """
    _may_be_known(update)
    row, is_new = PublicUpdate.objects.get_or_create(
        update=update, defaults={"published_at": clock.now(), "published_by": by[:80]}
    )
    if is_new:
        record_audit(by, "update.publish", f"update:{update.id}", status=update.status)
    return row


@transaction.atomic
def withdraw_update(update: StatusUpdate, *, by: str) -> bool:
    """Take the decision on an update back. False if there was none. A shown letter about it goes on telling it:
    `published.letters_telling`.
    """
    deleted, _ = PublicUpdate.objects.filter(update=update).delete()
    if deleted:
        record_audit(by, "update.unpublish", f"update:{update.id}", status=update.status)
    return bool(deleted)


def form_shown(person: Person) -> Shown:
    """In which form the public sees this person today; what was not given falls back to the more careful form."""
    if person.shown_to_public == Shown.NAME and person.public_name:
        return Shown.NAME
    if person.shown_to_public in (Shown.NAME, Shown.PSEUDONYM) and person.pseudonym:
        return Shown.PSEUDONYM
    return Shown.DESCRIPTION


def has_kept_consent(persons: Iterable[Person], shown_forms: Mapping[str, str]) -> bool:
    """Whether everybody may still be shown as they were when a letter was published."""
    return all(
        _CAREFUL.index(Shown(shown_forms[person.key])) <= _CAREFUL.index(form_shown(person))
        for person in persons
        if person.key in shown_forms
    )


def _may_be_published(alert: Alert) -> None:
    if alert.frozen_at is None or not Letter.objects.filter(alert=alert).exists():
        raise Conflict.of(
            "alert",
            say(
                "%(number)s is %(state)s and has no frozen letter; publish it once it has",
                number=alert.number,
                state=Code.of("alert-state", alert.state),
            ),
        )
    if not has_enough_approvals(alert):
        raise Conflict.of(
            "alert", say("%(number)s lacks an approval; what is not approved is not published", number=alert.number)
        )
    case = alert.case
    own = case.updates.filter(status=case.status, confidence=case.confidence).order_by("-case_version")
    told = alert.update or own.first()  # as `views.update` has it
    if told is not None:
        _may_be_known(told)


def _may_be_known(update: StatusUpdate) -> None:
    """Whether everybody may know of an update, by its own publication or by that of a letter about it.

    An update is never changed, so that the family was told may stand in a later one of the same status and about the
    same persons. An earlier one says nothing: in a case of several it may have been about another of them.

    Raises:
        Conflict: it is a rumour, or the family has not been told.
    """
    if update.confidence == Confidence.RUMOURED:
        raise Conflict.of("update", say("it is a rumour; publish it once it is credible or confirmed"))
    if update.status not in GRAVE or update.is_family_informed:
        return
    later = StatusUpdate.objects.filter(
        case=update.case_id, status=update.status, case_version__gt=update.case_version, is_family_informed=True
    )
    meant = set(update.persons.values_list("id", flat=True))  # nobody in particular: everybody in the case
    if not any(_is_about(meant, set(one.persons.values_list("id", flat=True))) for one in later):
        raise Conflict.of("update", say("the family comes first; record that they were told, then publish"))


def _is_about(meant: AbstractSet[uuid.UUID], told: AbstractSet[uuid.UUID]) -> bool:
    return not told or (bool(meant) and meant <= told)


def _corrected(alert: Alert, terms: Terms) -> Publication | None:
    if not terms.corrects:
        live = Publication.objects.filter(alert=alert, withdrawn_at=None).order_by("-published_at").first()
        if live is not None:
            raise Conflict.of(
                "alert",
                say(
                    "%(number)s is published as %(slug)s; withdraw that, or publish this one as its correction",
                    number=alert.number,
                    slug=live.slug,
                ),
            )
        return None
    rows = Publication.objects.select_for_update(of=("self",)).select_related("alert")
    found = rows.filter(slug=terms.corrects).first()
    if found is None:
        raise NotFound.of("corrects", say("nothing was published as %(corrects)s", corrects=f"{terms.corrects!r}"))
    if found.alert.case_id != alert.case_id:
        raise Conflict.of("corrects", say("%(corrects)s is a letter of another case", corrects=terms.corrects))
    other = found.corrections.filter(withdrawn_at=None).order_by("-published_at").first()
    if other is not None:
        raise Conflict.of(
            "corrects",
            say(
                "%(corrects)s is corrected by %(slug)s already; withdraw that, or publish this one as its correction",
                corrects=terms.corrects,
                slug=other.slug,
            ),
        )
    return found


def _possible_languages(alert: Alert, frozen: list[Letter]) -> tuple[str, ...]:
    """The main letter's own language first, then every other in which case and addressee have their texts."""
    main = frozen[0]
    official = _addressee(alert).official
    written = alert.case.texts.order_by("language").values_list("language", flat=True)
    others = [language for language in written if language != main.language and _has_template(main.kind, language)]
    possible = [language for language in others if views.addressee(official, language).salutation]
    return (main.language, *possible)


def _has_template(kind: str, language: str) -> bool:
    try:
        labels(language)
        template(Family.LETTERS, kind, language)
    except TemplateError:
        return False
    return True


def _addressee(alert: Alert) -> AlertTarget:
    target = alert.targets.filter(role="to").select_related("official__office").first()
    if target is None:
        raise Conflict.of(
            "alert", say("%(number)s went to copies only; publish the letter that it follows", number=alert.number)
        )
    return target


def _edition(publication: Publication, language: str, dated: date, title: str) -> PublicEdition:
    alert = publication.alert
    letter = Letter.objects.filter(alert=alert).order_by("-role", "frozen_at").first()
    if letter is None:
        raise AssertionError(f"alert {alert.number} lost its letters")
    source = template(Family.LETTERS, letter.kind, language)
    context = public_context(alert, language, kind=letter.kind, dated=dated)
    rendered = render_letter(source, context)
    shown_title = title or title_of(context)
    readable = {"title": shown_title, "Re: line": rendered.re_line, "text": rendered.text, "HTML": rendered.html}
    readable |= {"address": publication.slug, "correction": " ".join(publication.correction.values())}
    check_consent(alert.case, Audience.PUBLIC, readable)
    pdf = typesetter().letter_pdf(rendered, context)
    return PublicEdition(
        publication=publication,
        language=language,
        title=shown_title[:300],
        re_line=rendered.re_line[:250],
        parts=asdict(public_parts(rendered, context)),
        html=markdown.to_html(rendered.body_markdown),
        text=rendered.text,
        pdf=pdf,
        sha256=pdf_sha256(pdf),
        template_sha256=source.sha256,
        frozen_at=clock.now(),
    )


def public_context(alert: Alert, language: str, *, kind: str, dated: date) -> LetterContext:
    """What the template may read when everybody will read the letter: the consent given for the public is applied."""
    plan = AlertPlan.from_json(alert.plan)
    targets = list(alert.targets.select_related("official__office"))
    occasion = Occasion(
        case=alert.case,
        language=language,
        update=views.update(alert.case, language, row=alert.update),
        alert=views.alert(alert, dated_on=dated, kind=kind),
        concerned=plan.concerned,
    )
    copies = (target.official for target in targets if target.role == "cc")
    return letter_context(occasion, to=_addressee(alert).official, cc=copies, audience=Audience.PUBLIC)


def public_parts(rendered: RenderedLetter, context: LetterContext) -> PublicParts:
    """Everything but title, "Re:" line and body."""
    return PublicParts(
        organisation=context.organisation.name,
        date_line=rendered.date_line,
        addressee=addressee_lines(context.addressee, context.language),
        salutation=rendered.salutation,
        closing=rendered.closing,
        signature=signature_lines(context),
        cc=cc_lines(context),
        reference=reference_line(context),
    )


def _day_of(letter: Letter) -> date:
    return letter.frozen_at.astimezone(ZoneInfo(letter.official.office.time_zone)).date()


def _free_slug(alert: Alert, language: str) -> str:
    """Reference, number and public subject: an address that people can read, never given twice."""
    subjects = alert.case.subjects
    words = slugify(subjects.get("en") or subjects.get(language) or "")
    wanted = "-".join(part for part in (slugify(alert.number.replace("/", "-")), words) if part)[:70].strip("-")
    taken = set(Publication.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(slug for slug in (wanted, *(f"{wanted}-{n}" for n in range(2, 1000))) if slug not in taken)
