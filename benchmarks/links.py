"""What the lists of a page link to on themselves: sort orders, the next page, and each choice of each filter."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode

#: What a person types into a field of this type.
TYPED = {"text": "minister", "search": "minister", "number": "3", "date": "2026-01-01"}
_LINK = re.compile(r'href="(\?[^"]+)"')


def links_of(body: str, *, most: int) -> list[str]:
    """Query strings with their `?`, each once: the first `most` links, and the first `most` choices of each filter."""
    links = [unescape(link) for link in _LINK.findall(body)]
    filters = _Filters()
    filters.feed(body)
    chosen = [f"?{urlencode({name: value})}" for name, values in filters.found.items() for value in values[:most]]
    return list(dict.fromkeys([*list(dict.fromkeys(links))[:most], *chosen]))


class _Filters(HTMLParser):
    """The fields of forms that lead back to the same page (GET, no address of their own), with what fits into each."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._is_within = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form":
            self._is_within = told.get("method", "get") == "get" and not told.get("action")
        if not self._is_within:
            return
        if tag == "input" and told.get("name") and (typed := TYPED.get(told.get("type") or "text")):
            self.found[str(told["name"])] = [typed]
        elif tag == "select" and told.get("name"):
            self._select = str(told["name"])
            self.found[self._select] = []
        elif tag == "option" and self._select and told.get("value"):
            self.found[self._select].append(str(told["value"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_within = False
        elif tag == "select":
            self._select = ""
