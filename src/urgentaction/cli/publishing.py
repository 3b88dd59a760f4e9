"""`urgentaction letter publish` and its opposite: a letter before the public, and away again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import actor, opened
from urgentaction.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from urgentaction.letters.models import Publication
    from urgentaction.letters.publishing import Terms

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The last part of the letter's address.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `urgentaction letter`."""
    app.command("publish")(publish)
    app.command("unpublish")(unpublish)
    app.command("published")(list_published)
    app.command("publish-update")(publish_update)


def publish(
    number: Annotated[str, typer.Argument(metavar="ALERT", help="The alert, such as UA-2015-0117/2.")],
    *,
    languages: Annotated[str, typer.Option(help="en,ko …; all in which it can be written, if left out.")] = "",
    embargo: Annotated[str, typer.Option(metavar="TIME", help="Nobody sees it before.")] = "",
    region: Annotated[str, typer.Option(help="Its English name or UN M49 code: “Eastern Asia”, 030.")] = "",
    topic: Annotated[str, typer.Option(help="refugees, death_penalty, detention …")] = "",
    title: Annotated[list[str] | None, typer.Option(help="LANGUAGE=TITLE; may be repeated.")] = None,
    corrects: Annotated[str, typer.Option(metavar="SLUG", help="The published letter that this one corrects.")] = "",
    correction: Annotated[
        list[str] | None, typer.Option(help="LANGUAGE=what was wrong; may be repeated; shown to readers.")
    ] = None,
) -> None:
    """Put an alert's letter on its public page, with the consent given for the public."""
    with opened() as session:
        from urgentaction.alerts.queries import alert_called
        from urgentaction.letters.publishing import publish_letter

        terms = _terms(languages, embargo, region, topic, _by_language(title, "title"))
        terms = _with_correction(terms, corrects, _by_language(correction, "correction"))
        made = publish_letter(alert_called(number), terms, by=actor())
        facts = _facts(made)
        when = f" from {terms.embargo_until:%Y-%m-%d %H:%M %Z} on" if terms.embargo_until else ""
        session.answer(facts, f"{facts['url']}: {', '.join(facts['languages'])}{when}.")


def unpublish(slug: Slug, *, why: Annotated[str, typer.Option(help="Why, without names; kept, not shown.")]) -> None:
    """Take a published letter away, at once and for good."""
    with opened() as session:
        from urgentaction.letters.publishing import withdraw_publication

        row = withdraw_publication(slug, why=why, by=actor())
        session.answer(_facts(row), f"{row.slug} is gone; its address says so.")


def list_published() -> None:
    """List what was ever published, the latest first, with what its address says now."""
    with opened() as session:
        from urgentaction.cli.tables import add, table, when
        from urgentaction.letters.published import all_publications

        rows = list(all_publications())
        made = table("Letter", "Alert", "Published (UTC)", "Languages", "Now", fixed=["Alert"])
        for row in rows:
            facts = _facts(row)
            add(made, row.slug, row.alert.number, when(row.published_at), ", ".join(facts["languages"]), facts["now"])
        session.answer([_facts(row) for row in rows], made if rows else "Nothing was published.")


def publish_update(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case, such as UA-2015-0117.")],
    *,
    take_back: Annotated[bool, typer.Option("--take-back", help="Take that back.")] = False,
) -> None:
    """Let everybody know of a case's latest update: its published letters then say that things have changed."""
    with opened() as session:
        from urgentaction.cases.queries import case_called
        from urgentaction.letters.published import letters_telling
        from urgentaction.letters.publishing import publish_update as publish_it
        from urgentaction.letters.publishing import withdraw_update

        update = case_called(case).updates.order_by("-recorded_at").first()
        if update is None:
            raise NotFound.of("case", f"{case} has no update yet")
        if take_back:
            withdraw_update(update, by=actor())
        else:
            publish_it(update, by=actor())
        telling = [row.slug for row in letters_telling(update)]
        said = "may be known to everybody"
        if take_back:
            said = f"is still told by {', '.join(telling)}" if telling else "is shown to nobody any more"
        if take_back and telling:
            said += "; take that away too: `urgentaction letter unpublish SLUG --why …`"
        data = {"case": case, "status": update.status, "as_of": update.as_of}
        data |= {"is_public": bool(telling) or not take_back, "letters": telling}
        session.answer(data, f"{case}: {update} {said}.")


def _terms(languages: str, embargo: str, region: str, topic: str, titles: Mapping[str, str]) -> Terms:
    """What the options ask for. Raises InvalidInput with all their faults."""
    from urgentaction.letters.publishing import Terms
    from urgentaction.letters.topics import Topic, region_called

    until, place, about, _ = reading.together(
        lambda: reading.moment(embargo, option="embargo") if embargo else None,
        lambda: region_called(region) if region else "",
        lambda: Topic(reading.one_of(topic, Topic, option="topic")) if topic else None,
        lambda: None,
    )
    wanted = tuple(dict.fromkeys(part.strip() for part in languages.split(",") if part.strip()))
    return Terms(languages=wanted, titles=titles, region=place, topic=about, embargo_until=until)


def _with_correction(terms: Terms, corrects: str, correction: Mapping[str, str]) -> Terms:
    from dataclasses import replace

    if bool(corrects) != bool(correction):
        raise InvalidInput.of(
            "correction", "--corrects and --correction belong together: which letter, and what was wrong"
        )
    return replace(terms, corrects=corrects, correction=correction)


def _by_language(options: Iterable[str] | None, name: str) -> dict[str, str]:
    found = {}
    for option in options or ():
        language, equals, text = option.partition("=")
        if not equals or not language.strip() or not text.strip():
            raise InvalidInput.of(name, f"“{option[:40]}” has no language; write it like en=…")
        found[language.strip()] = text.strip()
    return found


def _facts(row: Publication) -> dict[str, Any]:
    from django.conf import settings

    from urgentaction.letters.published import languages_of, standing_of

    return {
        "slug": row.slug,
        "url": f"{settings.PUBLIC_URL}/letters/{row.slug}/",
        "alert": row.alert.number,
        "languages": languages_of(row),
        "published_at": row.published_at,
        "embargo_until": row.embargo_until,
        "corrects": row.corrects.slug if row.corrects else None,
        "withdrawn_at": row.withdrawn_at,
        "now": standing_of(row),
        "sha256": dict(row.editions.values_list("language", "sha256")),
    }
