"""The words on the axes of plots."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: Steps of the axis of time in plots, and the words there.
MOMENTS: tuple[tuple[float, Promise], ...] = (
    (1, _("1 s")),
    (10, _("10 s")),
    (60, _("1 min")),
    (600, _("10 min")),
    (3600, _("1 h")),
    (6 * 3600, _("6 h")),
    (24 * 3600, _("1 day")),
    (7 * 24 * 3600, _("1 week")),
)
#: One for each bucket of `tracking.courses.TOOK_EDGES`.
TOOK: tuple[Promise, ...] = (
    _("under 5 s"),
    _("5 to 30 s"),
    _("30 s to 2 min"),
    _("2 to 10 min"),
    _("10 min to 1 h"),
    _("1 to 6 h"),
    _("6 h to 1 day"),
    _("over 1 day"),
)
