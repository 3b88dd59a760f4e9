"""The pages of a fax, for the gateway that transmits them: a signed link that works for an hour at most."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.queries import may_have_printed
from urgentaction.deliveries.references import read_media_token
from urgentaction.deliveries.rules import State

#: Between the intent to send and the gateway's last word somebody may need the pages; before and after nobody does.
OPEN_STATES = (State.LEASED.value, State.SENDING.value, State.ACCEPTED.value, State.UNKNOWN.value)


@require_safe
def fax_pages(request: HttpRequest, token: str) -> HttpResponse:
    """The PDF of one fax; 404 for every link that is made up, too old or no longer needed. Never a redirect."""
    delivery_id = read_media_token(token)
    if delivery_id is None:
        raise Http404
    row = Delivery.objects.select_related("letter").filter(id=delivery_id, state__in=OPEN_STATES).first()
    if row is None or row.letter is None:
        raise Http404
    pages = bytes(row.letter.fax_repeat_pdf if may_have_printed(row) else row.letter.fax_pdf)
    if not pages:
        raise Http404
    response = HttpResponse(b"" if request.method == "HEAD" else pages, content_type="application/pdf")
    response.headers["Content-Length"] = str(len(pages))
    response.headers["Cache-Control"] = "no-store"
    return response
