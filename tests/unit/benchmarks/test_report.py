"""What the benchmarks print, judge and start: everything about them that needs no clock."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import __main__ as everything
from benchmarks import contenders, fanout, kill, report, scale, usual
from benchmarks.report import BenchmarkFailed, Result, percentile
from benchmarks.sink_program import SinkProgram
from urgentaction.core.languages import LETTER_LANGUAGES


def test_a_result_leaves_out_what_does_not_apply() -> None:
    result = Result(benchmark="fanout", unit="ours / theirs", ratios={"usual": 80.0}, rate=20_000.0, rows_accepted=5)
    assert result.to_json() == {
        "benchmark": "fanout",
        "unit": "ours / theirs",
        "ratios": {"usual": 80.0},
        "rate": 20_000.0,
        "rows_accepted": 5,
        "figures": {},
        "notes": [],
    }


def test_with_json_nothing_else_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = report.parser("x", None).parse_args(["--json"])
    assert report.run(lambda _: Result(benchmark="x", ratios={"y": 2.0}), chosen) == 0
    assert json.loads(capsys.readouterr().out)["ratios"] == {"y": 2.0}


def test_a_failed_run_says_why_and_has_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_: object) -> Result:
        raise BenchmarkFailed("three got nothing")

    assert report.run(measure, report.parser("x", None).parse_args(["--json"])) == 1
    assert capsys.readouterr().out == ""


def test_an_interrupted_run_has_a_status_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_: object) -> Result:
        raise KeyboardInterrupt

    assert report.run(measure, report.parser("x", None).parse_args([])) == 130
    assert capsys.readouterr().out == ""


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_not_exceeded_by_that_share(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values)


def test_the_table_names_every_ratio_and_every_failure() -> None:
    console = Console(file=io.StringIO(), width=160)
    console.print(
        report.ratio_table(
            [
                {"benchmark": "fanout", "unit": "u", "ratios": {"usual": 81.5, "smtp-source": 1.04}},
                {"benchmark": "kill", "ratios": {}, "failed": "exit status 1; see above"},
            ]
        )
    )
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(word in text for word in ("usual", "81.5", "smtp-source", "1.040", "kill", "failed"))


def test_figures_of_any_depth_become_lines() -> None:
    console = Console(file=io.StringIO(), width=160)
    report.show(Result(benchmark="x", figures={"a": {"b": {"c": 12345}}}, notes=["[so]"]).to_json(), console)
    assert isinstance(console.file, io.StringIO)
    assert "a.b.c" in console.file.getvalue()
    assert "12,345" in console.file.getvalue()
    assert "[so]" in console.file.getvalue()


@pytest.mark.parametrize("name", everything.FULL)
@pytest.mark.parametrize("is_quick", [False, True])
def test_each_benchmark_takes_what_it_is_started_with(
    *, name: str, is_quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    taken: list[Any] = []

    def note(_measure: object, chosen: Any) -> int:
        taken.append(chosen)
        return 0

    real = report.run
    monkeypatch.setattr(report, "run", note)
    if getattr(module, "run", None) is real:
        monkeypatch.setattr(module, "run", note)
    assert module.main(everything.arguments_of(name, is_quick=is_quick, is_full=True)) == 0
    assert taken[0].json


def test_every_benchmark_is_run_by_make_bench() -> None:
    programs = {
        path.stem
        for path in Path(everything.__file__).parent.glob("*.py")
        if "def measure(" in path.read_text(encoding="utf-8")
    }
    assert programs == set(everything.FULL) == set(everything.QUICK)


def test_the_report_is_one_file(tmp_path: Path) -> None:
    file = tmp_path / "bench" / "report.json"
    everything.write([{"benchmark": "fanout", "ratios": {"usual": 80.0}}], file)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["benchmarks"]["fanout"]["ratios"] == {"usual": 80.0}
    assert found["machine"]["cpus"] > 0


def test_a_benchmark_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(name: str, _arguments: object) -> dict[str, Any]:
        return {"benchmark": name, "ratios": {}} | ({"failed": "exit status 1"} if name == "pdf" else {})

    monkeypatch.setattr(everything, "one", one)
    monkeypatch.setattr(everything, "end_in_order", lambda: None)
    assert everything.main(["pdf", "kill", "--report", str(tmp_path / "report.json")]) == 1
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["benchmarks"]
    assert list(found) == ["pdf", "kill"]


# What is judged.


def judged(**changed: Any) -> dict[str, Any]:
    looked = {"recipients": 1000, "repeats": {"<a@x>": 2, "<b@x>": 2}, "different": []} | changed.pop("looked", {})
    given: dict[str, Any] = {"kills": 1, "accepted": 1000, "named": [7, 8], "listed": [7, 8, 9]} | changed
    return kill.judge(1000, looked=looked, **given)


def test_repeats_that_are_written_down_are_no_problem() -> None:
    verdict = judged()
    assert verdict["problems"] == []
    assert (verdict["lost"], verdict["repeats"], verdict["rows_listed_as_repeated"]) == (0, 2, 3)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"looked": {"recipients": 999}}, "1 got nothing"),
        ({"accepted": 998}, "998 of 1000 rows"),
        ({"looked": {"repeats": {"<a@x>": 102}}, "named": [7]}, "101 repeats"),
        ({"looked": {"different": ["ada@x"]}}, "different Message-IDs"),
        ({"named": [7]}, "none of ours"),
        ({"listed": [8]}, "not written down: deliveries [7]"),
    ],
)
def test_a_broken_promise_is_told(changed: dict[str, Any], words: str) -> None:
    assert words in "; ".join(judged(**changed)["problems"])


def test_cost_is_told_relative_to_ten_thousand() -> None:
    costs = {1_000: 3e-4, 10_000: 2e-4, 1_000_000: 1.8e-4}
    assert scale.relative(costs) == {
        "1,000 recipients to 10,000": 1.5,
        "1,000,000 recipients to 10,000": 0.9,
    }


def test_shares_of_nothing_are_none() -> None:
    assert fanout.shares({"bulk": 30.0, "postgres": 10.0}) == {"bulk": 0.75, "postgres": 0.25}
    assert fanout.shares({}) == {}


# The others.


def test_the_usual_way_sends_the_same_words() -> None:
    sample = usual.built(
        usual.Notice("Two", "Dear Zoë,\n\nread on\n", "<p>Dear Zoë,</p>\n", "Zoë"), "a@x.invalid", "Zoë"
    )
    words = usual.Notice.of(sample.as_bytes(), name="Zoë")
    built = usual.built(words, "bob@x.invalid", "Bob")
    plain = built.get_body(("plain",))
    assert plain is not None
    assert plain.get_content() == "Dear Bob,\n\nread on\n"
    assert built["To"] == "bob@x.invalid"


FAKE = """#!{python}
import smtplib, sys
told = dict(zip(sys.argv[2:-1:2], sys.argv[3:-1:2]))
host, port = sys.argv[-1].removeprefix("inet:").split(":")
with smtplib.SMTP(host, int(port)) as server:
    for _ in range(int(told["-m"])):
        server.sendmail(told["-f"], [told["-t"]], "x" * int(told["-l"]))
"""


def test_smtp_source_is_run_with_several_sessions_and_its_mail_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "smtp-source"
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with SinkProgram() as sink:
        best = contenders.smtp_source(sink, messages=5, size=1000)
    assert best is not None
    assert (best.messages, best.how.startswith("-d -s ")) == (5, True)
    assert 800 <= best.bytes_each <= 1000


def test_without_postfix_the_ratio_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_more: None)
    with SinkProgram() as sink:
        assert contenders.smtp_source(sink, messages=5, size=1000) is None


def test_a_letter_is_set_without_a_database() -> None:
    """As a program of its own, because it sets Django up by itself."""
    command = [sys.executable, "-m", "benchmarks.pdf", "--rounds", "1", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["figures"]) == set(LETTER_LANGUAGES)
