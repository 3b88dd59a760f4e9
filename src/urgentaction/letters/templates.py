"""What staff do with templates: draft, submit, approve, reject, roll back; each one transaction with its audit entry.

A text goes live only after somebody else than its author has said yes, and after it was tried; one that was live
before may be put back by a single person, because that has to be quick. Must not decide who may do what: pages and
commands ask for the role first (editors draft and submit, approvers review and roll back).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Max

from urgentaction.accounts.service import record_audit
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, Problem

from .confined import examine_confined
from .examination import Draft, sections_read
from .library import live_version, shipped_or_none
from .lint import Finding, Severity
from .models import TemplateState, TemplateVersion
from .organisation import organisation
from .source import Family, load_shipped, shipped_kinds, shipped_languages
from .versions import TemplateName, fingerprint, languages_of, outdated, version_numbered
from .wording import labels

_LOCK = 0x55_41_02  # "UA": one change of a template at a time; its second key is the template's name


def check_template(name: TemplateName, text: str) -> tuple[Finding, ...]:
    """What is wrong with a text for this template, errors first; nothing is saved.

    Raises:
        MissingTranslation: letters can't be set in this language at all.
    """
    labels(name.language)
    return examine_confined(_draft(name, text), templates=settings.SHIPPED_TEMPLATES)


def draft_template(
    name: TemplateName, *, text: str, by: str, note: str, based_on: int | None = None, seen: str | None = None
) -> TemplateVersion:
    """Save a text as a new version, a draft. Its warnings are kept with it.

    Args:
        based_on: the version it was edited from; None: whatever is in force.
        note: what was changed and why, for whoever reviews it.
        seen: `versions.fingerprint` of what was in force when the author began; None: not asked.

    Raises:
        InvalidInput: the text has errors, or nothing was changed; nothing is saved.
        NotFound: no such version to be based on.
        Conflict: something else is in force than what the author saw; its problem is that of the field `seen`.
    """
    if not note.strip():
        raise InvalidInput.of("note", "say what you changed and why; whoever reviews it reads that first")
    text = text.replace("\r\n", "\n")
    findings = _accepted(check_template(name, text))
    with transaction.atomic():
        _lock(name)
        if seen is not None and seen != fingerprint(name):
            told = f"another text of {name} came into force while you wrote; take over what it changed, then save again"
            raise Conflict.of("seen", told)
        base = version_numbered(name, based_on) if based_on is not None else _live(name)
        file = shipped_or_none(name.family, name.kind, name.language)
        before = base.text if base else file.text if file else None
        if text == before:
            raise InvalidInput.of("text", f"nothing was changed: it is the text of {base or (file and file.name)}")
        version = _added(
            name, text, by=by, note=note, base=base, warnings=findings, shipped_sha256=file.sha256 if file else ""
        )
        record_audit(by, "template.draft", _subject(version), sha256=version.sha256, based_on=_number(base))
    return version


def submit_template(version_id: uuid.UUID, *, by: str) -> TemplateVersion:
    """Hand a draft to review. Raises Conflict if it is no draft."""
    with transaction.atomic():
        version = _locked(version_id)
        _expect(version, TemplateState.DRAFT, deed="submitted")
        version.state, version.submitted_at = TemplateState.IN_REVIEW, clock.now()
        version.save(update_fields=["state", "submitted_at"])
        record_audit(by, "template.submit", _subject(version))
    return version


def approve_template(
    version_id: uuid.UUID, *, by: str, comment: str = "", is_outdated_allowed: bool = False
) -> TemplateVersion:
    """Put a version in force: every letter frozen from now on is made from it. The one before is retired.

    Args:
        is_outdated_allowed: also where what is in force has changed since the version was written.

    Raises:
        Conflict: it is not in review, it no longer passes the examination, or it is outdated.
        NotAllowed: `by` wrote it.
    """
    version = _found(version_id)
    _refuse_author(version, by)
    _expect(version, TemplateState.IN_REVIEW, deed="approved")
    _still_fits(version)  # before the lock: it takes seconds
    with transaction.atomic():
        version = _locked(version_id)
        _expect(version, TemplateState.IN_REVIEW, deed="approved")
        live = _live(_name(version))
        if not is_outdated_allowed and (told := outdated(version, live)):
            raise Conflict.of("version", f"{version} is outdated: {told}. Look at the difference, then draft it again")
        if live is not None:
            _retire(live, by=by, why=f"replaced by version {version.number}")
        version.state, version.reviewed_by, version.reviewed_at = TemplateState.LIVE, by, clock.now()
        version.review_comment = comment[:500]
        version.save(update_fields=["state", "reviewed_by", "reviewed_at", "review_comment"])
        record_audit(by, "template.approve", _subject(version), sha256=version.sha256, before=_number(live))
    return version


def reject_template(version_id: uuid.UUID, *, by: str, comment: str) -> TemplateVersion:
    """Say no to a version, or take one's own draft back.

    Raises:
        Conflict: it is neither a draft nor in review.
        InvalidInput: no reason is given.
    """
    if not comment.strip():
        raise InvalidInput.of("comment", "say why; the author has to know what to do about it")
    with transaction.atomic():
        version = _locked(version_id)
        _expect(version, TemplateState.DRAFT, TemplateState.IN_REVIEW, deed="rejected")
        version.state, version.reviewed_by, version.reviewed_at = TemplateState.REJECTED, by, clock.now()
        version.review_comment = comment[:500]
        version.save(update_fields=["state", "reviewed_by", "reviewed_at", "review_comment"])
        record_audit(by, "template.reject", _subject(version))
    return version


def take_back_template(version_id: uuid.UUID, *, by: str, why: str) -> TemplateVersion:
    """An author gives up what they wrote, before or in review. Raises NotAllowed: somebody else wrote it."""
    version = _found(version_id)
    if by != version.author:
        raise NotAllowed(f"{version} was written by somebody else; only its author can take it back.")
    return reject_template(version_id, by=by, comment=f"taken back: {why.strip()}" if why.strip() else "taken back")


def roll_back_template(name: TemplateName, *, to: int, by: str, why: str) -> TemplateVersion:
    """Put a text back in force that was in force before, as a new version. One person is enough: it was reviewed.

    Raises:
        NotFound: no such version.
        Conflict: it never was in force, is in force now, or no longer passes the examination.
        InvalidInput: no reason is given.
    """
    _need_reason(why)
    _was_live(version_numbered(name, to))
    _still_fits(version_numbered(name, to))
    with transaction.atomic():
        _lock(name)
        old, live = version_numbered(name, to), _live(name)
        _was_live(old)
        if live is not None:
            _retire(live, by=by, why=f"rolled back to version {to}: {why}")
        version = _added(
            name, old.text, by=by, note=why, base=live, warnings=(), shipped_sha256=old.shipped_sha256, same_as=old
        )
        version.state, version.reviewed_by, version.reviewed_at = TemplateState.LIVE, by, version.created_at
        version.review_comment = f"rolled back to version {to}, reviewed by {old.reviewed_by}"
        version.save(update_fields=["state", "reviewed_by", "reviewed_at", "review_comment"])
        record_audit(by, "template.roll_back", _subject(version), to=to, before=_number(live))
    return version


def return_to_shipped(name: TemplateName, *, by: str, why: str) -> TemplateVersion:
    """Take staff's version out of force: the file that came with the program is again. Returns the retired version.

    Raises:
        Conflict: the shipped file is in force already, or there is none in this language.
        InvalidInput: no reason is given.
    """
    _need_reason(why)
    if shipped_or_none(name.family, name.kind, name.language) is None:
        raise Conflict.of("version", f"no file of {name} is shipped; roll back to a version instead")
    with transaction.atomic():
        _lock(name)
        live = _live(name)
        if live is None:
            raise Conflict.of("version", f"the shipped file of {name} is in force already")
        _retire(live, by=by, why=f"back to the shipped file: {why}")
        record_audit(by, "template.roll_back", _subject(live), to="shipped", before=live.number)
    return live


# Examination.


def _draft(name: TemplateName, text: str) -> Draft:
    letters, notices = _sections_of(Family.LETTERS), _sections_of(Family.NOTICES)
    kinds = shipped_kinds(name.family, root=settings.SHIPPED_TEMPLATES)
    return Draft(
        family=name.family,
        kind=name.kind,
        language=name.language,
        text=text,
        organisation=organisation().view(name.language),
        vocabulary={
            "update.status": tuple(one.value for one in Status),
            "update.confidence": tuple(one.value for one in Confidence),
        },
        known_sections=letters | notices,
        for_governments=letters - notices,
        there=tuple(sorted(languages_of(name.family, name.kind))),
        everywhere=tuple(sorted(frozenset().union(*(languages_of(name.family, kind) for kind in kinds)))),
    )


@cache
def _sections_of(family: Family) -> frozenset[str]:
    """The sections of case texts that the shipped templates of a family read; the files don't change while we run."""
    root = settings.SHIPPED_TEMPLATES
    return frozenset().union(
        *(
            sections_read(family, load_shipped(family, kind, language, root=root))
            for kind in shipped_kinds(family, root=root)
            for language in shipped_languages(family, kind, root=root)
        )
    )


def _accepted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The warnings. Raises InvalidInput with all errors, if there are any."""
    found = tuple(findings)
    problems = [
        Problem(f"line {one.line}" if one.line else "text", one.message)
        for one in found
        if one.severity is Severity.ERROR
    ]
    if problems:
        raise InvalidInput(problems)
    return found


def _still_fits(version: TemplateVersion) -> None:
    """The program may have changed since the version was saved: a field renamed, a font gone."""
    errors = [one for one in check_template(_name(version), version.text) if one.severity is Severity.ERROR]
    if errors:
        raise Conflict([Problem("text", f"{version} no longer fits: {one}") for one in errors])


# Rows.


def _added(
    name: TemplateName,
    text: str,
    *,
    by: str,
    note: str,
    base: TemplateVersion | None,
    warnings: Iterable[Finding],
    shipped_sha256: str,
    same_as: TemplateVersion | None = None,
) -> TemplateVersion:
    last = _rows(name).aggregate(last=Max("number"))["last"]
    return TemplateVersion.objects.create(
        family=name.family.value,
        kind=name.kind,
        language=name.language,
        number=(last or 0) + 1,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        author=by,
        note=note.strip()[:500],
        created_at=clock.now(),
        based_on=base,
        same_as=same_as,
        shipped_sha256=shipped_sha256,
        warnings=[asdict(one) for one in warnings],
    )


def _lock(name: TemplateName) -> None:
    """Until the transaction ends nobody else changes any version of this template."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, str(name)])


def _locked(version_id: uuid.UUID) -> TemplateVersion:
    _lock(_name(_found(version_id)))
    return TemplateVersion.objects.select_for_update(of=("self",)).select_related("based_on").get(id=version_id)


def _found(version_id: uuid.UUID) -> TemplateVersion:
    version = TemplateVersion.objects.select_related("based_on").filter(id=version_id).first()
    if version is None:
        raise NotFound.of("version", f"there is no template version {version_id}")
    return version


def _retire(live: TemplateVersion, *, by: str, why: str) -> None:
    live.state, live.retired_by, live.retired_at, live.retired_why = TemplateState.RETIRED, by, clock.now(), why[:500]
    live.save(update_fields=["state", "retired_by", "retired_at", "retired_why"])


def _rows(name: TemplateName) -> models.QuerySet[TemplateVersion]:
    return TemplateVersion.objects.filter(family=name.family.value, kind=name.kind, language=name.language)


def _live(name: TemplateName) -> TemplateVersion | None:
    return live_version(name.family, name.kind, name.language)


def _name(version: TemplateVersion) -> TemplateName:
    return TemplateName(Family(version.family), version.kind, version.language)


def _subject(version: TemplateVersion) -> str:
    return f"template:{version.name}#{version.number}"


def _number(version: TemplateVersion | None) -> object:
    return version.number if version else "shipped"


def _expect(version: TemplateVersion, *states: TemplateState, deed: str) -> None:
    if version.state not in states:
        wanted = " or ".join(state.replace("_", " ") for state in states)
        state = version.state.replace("_", " ")
        raise Conflict.of("state", f"{version} is {state}; only one that is {wanted} can be {deed}")


def _refuse_author(version: TemplateVersion, by: str) -> None:
    if by == version.author:
        raise NotAllowed(f"{by} wrote {version}; another person has to approve it.")


def _was_live(version: TemplateVersion) -> None:
    if version.state == TemplateState.LIVE:
        raise Conflict.of("version", f"{version} is in force already")
    if version.state != TemplateState.RETIRED:
        told = f"{version} was never in force ({version.state.replace('_', ' ')}); have it reviewed instead"
        raise Conflict.of("version", told)


def _need_reason(why: str) -> None:
    if not why.strip():
        raise InvalidInput.of("why", "say why; it is kept with the version")
