"""The fan-out as it is run, with few recipients: what it counts must agree, how long it took is nobody's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.sandbox_program import die_with_parent


def test_what_the_sink_counted_is_what_the_rows_say(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.fanout", "--recipients=120", "--usual=20", "--source=0", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False, preexec_fn=die_with_parent
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows_accepted"] == told["sink_rcpts"] == 120
    assert told["rate"] > 0
    assert told["ratios"].keys() == {"usual"}
    assert told["figures"]["celery_tasks"] <= 500
    ours, usual = (told["figures"]["bytes_per_message"][name] for name in ("ours", "usual"))
    assert abs(ours - usual) < 0.15 * ours, "the same size of message for everybody"
    if Path("/proc/self/status").exists():
        assert told["rss_mb"] > 0
        assert {"bulk", "urgent", "postgres", "valkey", "sink"} <= told["figures"]["cpu_us_per_message"].keys()
    assert list((tmp_path / "var" / "bench").iterdir()) == [], "nothing is left behind"
