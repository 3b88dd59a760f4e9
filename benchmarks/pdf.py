"""A changed letter, from its template to the PDF, with everything loaded; beside it WeasyPrint, where it is installed.

Each round changes every paragraph of the body; what stays the same (letterhead, address) may come from Typst's cache,
as it does in a worker. `setting_ms` is Markdown to PDF; `median_ms` has the template filled as well, and the letter's
text and HTML written. `processor_ms` is a letter's processor time, the first two included, which load what is needed.
WeasyPrint is given the HTML of the same letter.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import statistics
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import django

from benchmarks import report
from benchmarks.frame import forget_environment, need
from benchmarks.report import Result, percentile

#: A paragraph in each language; those are measured for which the first appeal is there.
_WORDS = {
    "ar": "اقتيد **الاثنان** من منزل على ضفة النهر ليلة {n} من الشهر، ولم يرهما أحد منذ ذلك الحين.",
    "en": "The **two** were taken from a house by the river on the night of the {n}th. Nobody has seen them since.",
    "es": "Las **dos** fueron sacadas de una casa junto al río la noche del {n}. Nadie las ha visto desde entonces.",
    "fr": "Les **deux** ont été enlevés dans une maison au bord du fleuve la nuit du {n}. Nul ne les a revus depuis.",
    "ja": "**二人**は{n}日の夜に川辺の家から連れ去られ、それ以来だれもその姿を見ていません。",
    "ko": "두 사람은 {n}일 밤 강가의 집에서 **끌려갔으며** 그 뒤로 아무도 그들을 보지 못했습니다.",
    "ru": "**Двоих** увели из дома у реки в ночь на {n}-е число, и с тех пор их никто не видел.",
    "zh-Hans": "**两人**于{n}日夜间被人从河边的房屋带走，此后再也没有人见过他们。",
}
WARM_UP = 2
_SECTIONS = ("who", "request", "latest", "law", "demands", "acknowledgement", "whereabouts", "outcome")


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = report.parser("pdf", __doc__)
    parser.add_argument("--rounds", type=int, default=30, help="letters of each language")
    return parser.parse_args(arguments)


def measure(chosen: argparse.Namespace) -> Result:
    """Ours in each language; then the other."""
    need(chosen.rounds > 0, "--rounds must be above 0")
    forget_environment()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    gc.freeze()  # as a worker does once everything is loaded (workers/app.py)
    ours: dict[str, list[float]] = {}
    processor: dict[str, float] = {}
    for language in languages():
        began = time.process_time()
        ours[language] = timed(partial(partial, pdf, language), chosen.rounds)
        processor[language] = (time.process_time() - began) / (chosen.rounds + WARM_UP)
    setting = {language: timed(partial(filled, language), chosen.rounds) for language in ours}
    result = Result(
        benchmark="pdf",
        unit="their median time / ours",
        figures={
            language: {
                "median_ms": ms(statistics.median(took)),
                "p95_ms": ms(percentile(took, 0.95)),
                "fastest_ms": ms(min(took)),
                "processor_ms": ms(processor[language]),
                "setting_ms": ms(statistics.median(setting[language])),
            }
            for language, took in ours.items()
        },
    )
    if (other := weasyprint()) is None:
        result.notes.append("WeasyPrint was left out: it is not installed here (`pip install weasyprint`, with Pango).")
        return result
    rounds = max(chosen.rounds // 5, 3)
    theirs = {language: timed(partial(partial, pdf_by, other, language), rounds) for language in ours}
    for language, took in theirs.items():
        only = statistics.median(took) - statistics.median(ours[language])
        result.figures[f"weasyprint {language}"] = {"median_ms": ms(only)}
    faster = [statistics.median(theirs[at]) / statistics.median(ours[at]) - 1 for at in ours]
    result.ratios = {"weasyprint": round(min(faster), 2)}
    result.notes.append("WeasyPrint's time has our own, for rendering and setting the letter, taken off")
    return result


def languages() -> tuple[str, ...]:
    """In which the first appeal can be measured."""
    from django.conf import settings  # noqa: PLC0415 - only once Django is set up

    from urgentaction.letters.source import Family, shipped_languages  # noqa: PLC0415

    there = shipped_languages(Family.LETTERS, "first_appeal", root=settings.SHIPPED_TEMPLATES)
    return tuple(language for language in there if language in _WORDS)


def made(language: str, number: int) -> tuple[Any, Any]:
    """The n-th letter, rendered, and what it was rendered from."""
    from urgentaction.letters.library import shipped  # noqa: PLC0415 - the file, not staff's version: no database
    from urgentaction.letters.render import render_letter  # noqa: PLC0415 - only once Django is set up
    from urgentaction.letters.source import Family  # noqa: PLC0415

    context = letter_context(language, number)
    return render_letter(shipped(Family.LETTERS, "first_appeal", language), context), context


def pdf(language: str, number: int) -> bytes:
    """Ours, from the template on."""
    return setter()(*made(language, number))


def filled(language: str, number: int) -> Callable[[], bytes]:
    """Ours, from the Markdown of a filled template on; nothing of it is parsed yet."""
    from urgentaction.letters import markdown  # noqa: PLC0415 - only once Django is set up

    ready = partial(setter(), *made(language, number))
    markdown.forget()
    return ready


def setter() -> Callable[[Any, Any], bytes]:
    """Sets a rendered letter."""
    from urgentaction.letters.service import typesetter  # noqa: PLC0415 - only once Django is set up

    return typesetter().letter_pdf


def pdf_by(other: Callable[[str], bytes], language: str, number: int) -> bytes:
    """Another program's, of the same letter."""
    letter = made(language, number)[0]
    return other(letter.html)


def letter_context(language: str, number: int) -> Any:
    """What the n-th letter says."""
    from urgentaction.letters import content  # noqa: PLC0415 - only once Django is set up
    from urgentaction.letters.organisation import organisation  # noqa: PLC0415

    words, day = _WORDS[language].format(n=number), date(2026, 1, 24)
    texts = {name: content.MarkdownText(f"- {words}\n- {words}" if name == "demands" else words) for name in _SECTIONS}
    return content.LetterContext(
        language=language,
        audience=content.Audience.GOVERNMENT,
        organisation=organisation().view(language),
        signatory=organisation().signatory(language),
        addressee=content.Addressee(name="N. N.", office="Minister", salutation="Excellency"),
        case=content.CaseView(
            reference="UA-2026-0001",
            title="Two refugees",
            public_title="Two refugees",
            re_line="Two refugees",
            texts=texts,
            countries=content.CountriesView(custodian="China", origin="North Korea", intercessor="South Korea"),
        ),
        update=content.UpdateView(status="detained", status_label="detained", as_of=day, confidence="confirmed"),
        alert=content.AlertView(kind="first_appeal", level=1, number="UA-2026-0001/1", dated_on=day),
        persons=(content.PersonView(name="a refugee"),),
        cc=(content.CcEntry(name="N. N.", office="Envoy"),),
    )


def timed(prepare: Callable[[int], Callable[[], bytes]], rounds: int) -> list[float]:
    """Seconds of each, after two that load what is needed. Raises BenchmarkFailed where nothing is made."""
    need(all(prepare(number)().startswith(b"%PDF-") for number in range(1, WARM_UP + 1)), "this is no letter")
    took = []
    for number in range(WARM_UP + 1, rounds + WARM_UP + 1):
        make = prepare(number)
        began = time.perf_counter()
        make()
        took.append(time.perf_counter() - began)
    return took


def weasyprint() -> Callable[[str], bytes] | None:
    """HTML to PDF, or None where it can't be had."""
    try:
        module = importlib.import_module("weasyprint")
    except (ImportError, OSError):  # OSError: it is there, its libraries are not
        return None

    def to_pdf(html: str) -> bytes:
        pdf: bytes = module.HTML(string=html).write_pdf()
        return pdf

    return to_pdf


def ms(seconds: float) -> float:
    """Milliseconds, as a figure."""
    return round(seconds * 1000, 2)


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    return report.run(measure, options(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
