"""The console's routes by family. Every view but those to log in says which role it needs (`permissions.may`)."""

from __future__ import annotations

from .alerts import urls as alerts
from .cases import urls as cases
from .deliveries import urls as deliveries
from .directory import urls as directory
from .library import urls as library
from .now import urls as now
from .operations import urls as operations
from .people import urls as people
from .searching import urls as searching
from .supporters import urls as supporters

app_name = "console"
urlpatterns = [
    *now.urlpatterns,
    *cases.urlpatterns,
    *alerts.urlpatterns,
    *deliveries.urlpatterns,
    *directory.urlpatterns,
    *library.urlpatterns,
    *supporters.urlpatterns,
    *operations.urlpatterns,
    *people.urlpatterns,
    *searching.urlpatterns,
]
