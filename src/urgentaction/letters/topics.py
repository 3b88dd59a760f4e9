"""Under what open letters are filed: topics of our own, and regions by their UN M49 codes, which CLDR can name.

Pure. Must not know letters or pages.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from babel import Locale

from urgentaction.core.errors import InvalidInput


class Topic(StrEnum):
    """What a letter is about. What readers see of it is in `templates/public/words/`."""

    REFUGEES = "refugees"
    DEATH_PENALTY = "death_penalty"
    DETENTION = "detention"
    DISAPPEARANCE = "disappearance"
    TORTURE = "torture"
    DEFENDERS = "defenders"
    EXPRESSION = "expression"
    WOMEN = "women"


#: Continents and their parts (UN M49), as far as letters are filed under them.
REGIONS: Final = (
    *("002", "015", "202", "011", "014", "017", "018"),  # Africa and its parts
    *("019", "005", "013", "021", "029", "419"),  # the Americas
    *("142", "030", "034", "035", "143", "145"),  # Asia
    *("150", "039", "151", "154", "155", "009"),  # Europe, Oceania
)


def region_name(code: str, language: str) -> str:
    """A region or country in words: "Eastern Asia", "동아시아". An unknown code stays a code."""
    return str(Locale.parse(language.replace("-", "_")).territories.get(code, code))


def region_called(text: str) -> str:
    """The code of a region, given as a code or by its English name.

    Raises:
        InvalidInput: no such region; the message lists them.
    """
    wanted = " ".join(text.split()).casefold()
    names = {region_name(code, "en").casefold(): code for code in REGIONS}
    if wanted in REGIONS:
        return wanted
    if wanted not in names:
        known = ", ".join(region_name(code, "en") for code in REGIONS)
        raise InvalidInput.of("region", f"“{text[:40]}” is not a region; choose from {known}")
    return names[wanted]
