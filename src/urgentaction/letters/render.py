"""Template and context in, letter, notice or text message out.

Pure: no files, no Django, no network, and the same input always gives the same output. What a template may do
is the sandbox's business, what Markdown may do is `letters.markdown`'s; this module puts the pieces into the form of
a letter. PDF is `letters.typeset`.
"""

from __future__ import annotations

import dataclasses
import html
import re
from dataclasses import dataclass, replace

from urgentaction.core.errors import TemplateError
from urgentaction.letters import bidi, lines, markdown, message_html
from urgentaction.letters.content import (
    SLOT_NAME,
    SLOT_PREFERENCES,
    SLOT_UNSUBSCRIBE,
    Addressee,
    LetterContext,
    NoticeContext,
    Organisation,
    SmsContext,
)
from urgentaction.letters.sandbox import Renderer
from urgentaction.letters.sms import unfit_for_korea
from urgentaction.letters.source import Parts, TemplateSource, split
from urgentaction.letters.wording import NameOrder, ended, labelled, labels, long_date, office_and_name


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedLetter:
    """A finished letter in one language.

    Attributes:
        re_line: without the "Re:".
        salutation, closing: as printed, with the mark that ends them in the language.
        date_line: in the language's form.
        body_markdown: between salutation and closing.
        text: the whole letter as plain text, wrapped at 72 columns.
        html: the whole letter as a mail body, a complete document.
    """

    language: str
    re_line: str
    salutation: str
    closing: str
    date_line: str
    body_markdown: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedNotice:
    """A notice in one language, its slots still open unless the context filled them."""

    language: str
    subject: str
    text: str
    html: str

    def fill(self, *, name: str, unsubscribe_url: str, preferences_url: str) -> RenderedNotice:
        """The notice for one person. An empty name becomes the language's general form of address.

        What is filled in appears literally; a name that looks like a slot or like HTML stays a name.
        """
        values = {
            SLOT_NAME: shown_name(self.language, name),
            SLOT_UNSUBSCRIBE: unsubscribe_url,
            SLOT_PREFERENCES: preferences_url,
        }
        return replace(
            self,
            text=_SLOT.sub(lambda found: values[found[0]], self.text),
            html=_SLOT.sub(lambda found: html.escape(values[found[0]]), self.html),
        )


def shown_name(language: str, name: str) -> str:
    """How a notice addresses somebody: in the language's form, without a name in its general one."""
    words, shown = labels(language), markdown.one_line(name)
    return words.supporter.replace("{name}", shown) if shown else words.friend


_SLOT = re.compile("|".join(map(re.escape, (SLOT_NAME, SLOT_UNSUBSCRIBE, SLOT_PREFERENCES))))


def render_letter(template_source: TemplateSource, context: LetterContext) -> RenderedLetter:
    """Render a letter. Front matter: `re`; `closing`, used where the addressee has no form of its own; and
    `closing_for = "everybody"` where the letter's closing says something (thanks, say) and comes before any form.

    Raises:
        TemplateError: naming template, line, variable, and what to do.
        MissingTranslation: the language has no labels.
    """
    _agree(template_source, context.language)
    parts = split(template_source, required=("re", "closing"), optional=("closing_for",))
    renderer, values = Renderer(context.language), _values(context)
    body = renderer.markdown(parts.body, values).strip()
    words = labels(context.language)
    closing = "" if _closes_for_everybody(parts) else context.addressee.closing
    closing = closing or renderer.plain(parts.front["closing"], values)
    letter = RenderedLetter(
        language=context.language,
        re_line=renderer.plain(parts.front["re"], values),
        salutation=ended(_salutation(context.addressee, template_source.name), words.after_salutation),
        closing=ended(closing, words.after_closing),
        date_line=long_date(context.alert.dated_on, context.language),
        body_markdown=re.sub(r"\n{3,}", "\n\n", body),
        text="",
        html="",
    )
    return replace(
        letter,
        text=_letter_text(letter, context),
        html=message_html.letter(_letter_blocks(letter, context), letter.body_markdown, language=letter.language),
    )


def render_notice(template_source: TemplateSource, context: NoticeContext) -> RenderedNotice:
    """Render a notice to supporters. Front matter: `subject` (needed). The unsubscribe link must be in the body.

    Raises:
        TemplateError: naming template, line, variable, and what to do; also when the unsubscribe link is missing.
    """
    _agree(template_source, context.language)
    parts = split(template_source, required=("subject",))
    renderer, values = Renderer(context.language), _values(context)
    body = renderer.markdown(parts.body, values).strip()
    if context.unsubscribe_url not in body:
        raise TemplateError(
            f"template {template_source.name}: the unsubscribe link is missing; "
            "add {{ unsubscribe_url | link }} where people find it"
        )
    subject = renderer.plain(parts.front["subject"], values)
    return RenderedNotice(
        language=context.language,
        subject=subject,
        text=_directed(markdown.to_text(markdown.parse(body)) + "\n", context.language),
        html=message_html.notice(subject, body, language=context.language, sender=context.organisation.name),
    )


def render_sms(template_source: TemplateSource, context: SmsContext) -> str:
    """Render a text message: one line, with the link. Korean ones stay within EUC-KR.

    Raises:
        TemplateError: naming template, line, variable, and what to do; also for a message without its link or
            with characters that Korean carriers drop.
    """
    _agree(template_source, context.language)
    text = Renderer(context.language).plain(split(template_source, required=()).body, _values(context))
    if context.link not in text:
        raise TemplateError(f"template {template_source.name}: the link is missing; add {{{{ link }}}}")
    if context.language == "ko" and (unfit := unfit_for_korea(text)):
        raise TemplateError(
            f"template {template_source.name}: Korean carriers drop the characters {unfit!r}; write it without them"
        )
    return text


def _agree(source: TemplateSource, language: str) -> None:
    if source.language != language:
        raise TemplateError(f"template {source.name} is in {source.language!r}, the letter in {language!r}")


def _values(context: LetterContext | NoticeContext | SmsContext) -> dict[str, object]:
    """The context's fields by name, one level deep: the classes below are read through the sandbox."""
    return {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}


def _closes_for_everybody(parts: Parts) -> bool:
    told = parts.front.get("closing_for")
    if told is None:
        return False
    if told.text != "everybody":
        raise TemplateError(
            f"template {told.name}, line {told.first_line}: 'closing_for' can only be \"everybody\"; "
            "leave it out where the addressee's own form of address comes first"
        )
    return True


def _salutation(addressee: Addressee, template: str) -> str:
    if not addressee.salutation.strip():
        raise TemplateError(
            f"template {template}: {addressee.name} has no salutation in this language; add it in the directory, "
            "or the kind of the office"
        )
    return addressee.salutation


def addressee_lines(addressee: Addressee, language: str) -> tuple[str, ...]:
    """The address block, line by line, with fax and email as the office prints them."""
    words = labels(language)
    titled = f"{addressee.honorific} {addressee.name}".strip()
    who: tuple[str, ...]
    match words.order:
        case NameOrder.NAME_FIRST:
            who = (titled, addressee.office)
        case NameOrder.OFFICE_FIRST:
            who = (addressee.office, titled)
        case NameOrder.ONE_LINE:
            parts = (addressee.office, addressee.name, addressee.honorific)
            who = (words.between.join(part for part in parts if part),)
    contact = (
        labelled(words.fax, addressee.printed_fax) if addressee.printed_fax else "",
        labelled(words.email, addressee.printed_email) if addressee.printed_email else "",
    )
    return tuple(shown for line in (*who, *addressee.postal_address, *contact) if (shown := markdown.one_line(line)))


def letterhead_lines(organisation: Organisation, language: str) -> tuple[tuple[str, ...], ...]:
    """The sender's postal address, and below it telephone, fax, email and website; each line in its parts."""
    words = labels(language)
    named = ((words.phone, organisation.phone), (words.fax, organisation.fax))
    contact = (
        *(labelled(label, value) for label, value in named if value),
        organisation.email,
        organisation.website.removeprefix("https://"),
    )
    rows = ((", ".join(organisation.postal_address),), contact)
    return tuple(parts for line in rows if (parts := tuple(part for part in line if part)))


def signature_lines(context: LetterContext) -> tuple[str, ...]:
    """Name, title and division, organisation. Where the office precedes a name, the division precedes the title."""
    signatory, words = context.signatory, labels(context.language)
    title = words.list_comma.join(part for part in (signatory.title, signatory.division) if part)
    if words.order is NameOrder.ONE_LINE:
        title = words.between.join(part for part in (signatory.division, signatory.title) if part)
    return tuple(line for line in (signatory.name, title, context.organisation.name) if line)


def reference_line(context: LetterContext) -> str:
    """By what an answer can refer to the letter: its number, and the case's reference where that is not part of it."""
    number, case = context.alert.number, context.case.reference
    return number if case in number else " · ".join(part for part in (number, case) if part)


def cc_lines(context: LetterContext) -> tuple[str, ...]:
    """The CC list, one line each."""
    return tuple(office_and_name(entry.name, entry.office, context.language) for entry in context.cc)


def enclosure_lines(context: LetterContext) -> tuple[str, ...]:
    """What goes with the letter, one line each, numbered where there are several."""
    titles = [shown for title in context.enclosures if (shown := markdown.one_line(title))]
    return tuple(titles) if len(titles) == 1 else tuple(f"{at}. {title}" for at, title in enumerate(titles, start=1))


def _letter_blocks(letter: RenderedLetter, context: LetterContext) -> message_html.LetterBlocks:
    words = labels(letter.language)
    return message_html.LetterBlocks(
        organisation=context.organisation.name,
        letterhead=tuple(" · ".join(parts) for parts in letterhead_lines(context.organisation, letter.language)),
        date_line=letter.date_line,
        addressee=addressee_lines(context.addressee, letter.language),
        re_line=labelled(words.re, letter.re_line),
        salutation=letter.salutation,
        closing=letter.closing,
        signature=signature_lines(context),
        cc_label=words.cc,
        cc=cc_lines(context),
        enclosures_label=words.enclosures,
        enclosures=enclosure_lines(context),
        reference=reference_line(context),
    )


def _letter_text(letter: RenderedLetter, context: LetterContext) -> str:
    blocks = _letter_blocks(letter, context)
    parts = [
        lines.wrap("\n".join((blocks.organisation, *blocks.letterhead))),
        blocks.date_line,
        "\n".join(blocks.addressee),
        lines.wrap(blocks.re_line),
        blocks.salutation,
        markdown.to_text(markdown.parse(letter.body_markdown)),
        lines.wrap(blocks.closing),
        "\n".join(blocks.signature),
    ]
    for label, entries in ((blocks.cc_label, blocks.cc), (blocks.enclosures_label, blocks.enclosures)):
        if entries:
            parts.append("\n".join((label, *entries)))
    parts.append(blocks.reference)
    return _directed("\n\n".join(parts) + "\n", letter.language)


def _directed(text: str, language: str) -> str:
    """Plain text in a right-to-left language: what runs the other way is isolated, after lines were broken."""
    return bidi.isolate(text, either_way=(SLOT_NAME,)) if labels(language).is_right_to_left else text
