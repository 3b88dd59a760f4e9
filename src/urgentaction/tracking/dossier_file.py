"""The dossier of a case as the file that somebody takes away: made, and noted in the audit log with its hash.

The note is written before the file is handed out: a file that nobody knows of must not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from urgentaction.accounts.service import record_audit
from urgentaction.cases.models import Case
from urgentaction.letters.typeset import pdf_sha256

from .dossier import dossier
from .dossier_pdf import typeset_dossier
from .dossier_views import Dossier


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierFile:
    """A dossier on paper, and what is in it. `name`: what to call the file."""

    name: str
    made: Dossier
    pdf: bytes = field(repr=False)
    sha256: str


def dossier_file(case: Case, *, by: str, is_confidential: bool, made_at: datetime) -> DossierFile:
    """Make it.

    Args:
        by: who takes it, as the audit log names people.
        is_confidential: with confidential names, and letters that may not be shown any more.
        made_at: the moment to print (aware).

    Raises:
        ConsentError: something besides the letters names somebody, in one that is not confidential; says where.
        TemplateError: it can't be set.
    """
    made, enclosures = dossier(case, made_at=made_at, by=by, is_confidential=is_confidential)
    pdf = typeset_dossier(made, enclosures, typst_root=settings.SHIPPED_TEMPLATES / "typst")
    digest = pdf_sha256(pdf)
    edition = "confidential" if is_confidential else "internal"
    record_audit(by, "case.dossier", f"case:{case.reference}", sha256=digest, edition=edition)
    return DossierFile(name=f"{case.reference}-{edition}.pdf", made=made, pdf=pdf, sha256=digest)
