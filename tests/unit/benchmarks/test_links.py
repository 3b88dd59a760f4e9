"""What a list links to on itself."""

from __future__ import annotations

from benchmarks.links import links_of

PAGE = """
<form action="/console/search/"><input type="search" name="q"></form>
<form method="get"><input name="text" value="x"><input type="hidden" name="sort" value="y">
<input type="date" name="since">
<select name="state"><option value="">any</option><option value="draft">a</option>
<option value="held">b</option>
<option value="over">c</option></select></form>
<form method="post"><select name="deed"><option value="stop">Stop</option></select></form>
<a href="?">all</a> <a href="?sort=-name&amp;x=1">Name</a> <a href="?sort=-name&amp;x=1">Name</a>
<a href="?after=3">Next</a>
"""


def test_links_and_filters_are_found_once() -> None:
    assert links_of(PAGE, most=2) == [
        "?sort=-name&x=1",
        "?after=3",
        "?text=minister",
        "?since=2026-01-01",
        "?state=draft",
        "?state=held",
    ]
