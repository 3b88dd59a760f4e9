"""The languages that letters and notices are written in. The interface's own are Django's LANGUAGES.

Owns the list only. What each language needs besides is where it is used: labels in `letters.wording`, words of the
vocabulary in `cases.vocabulary`, templates and forms of address under `templates/`.
"""

from __future__ import annotations

from typing import Final

#: Tags as files and columns carry them (BCP 47). English first: it is what everything falls back to.
LETTER_LANGUAGES: Final = ("en", "ko", "fr", "es", "ru", "zh-Hans", "ar", "ja")
