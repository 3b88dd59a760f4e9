"""What applying a receipt did, or why nothing, as its row says it."""

from __future__ import annotations

from urgentaction.core.phrases import Phrase, say

CHANGED = Phrase("%(before)s → %(after)s", before="state", after="state")
STANDS = Phrase("nothing changed: %(state)s stands", state="state")
EARLIER = say("about an earlier attempt; nothing changed")
SUPPRESSED = say("suppressed")
LIFTED = Phrase("suppression lifted (%(count)s)")
TO_A_PERSON = say("passed to a person")
NOT_OURS = say("no delivery of ours has this reference")
NAMES_NOBODY = say("names neither a delivery nor an address; nothing changed")
ERASED = say("the address has been erased; nothing changed")
AUTOMATIC = say("an automatic answer; nothing changed")
UNREADABLE = say("nobody can tell what it reports; nothing changed")
NO_REFERENCE = say("a complaint without a reference of ours; nothing changed")
BROKE = Phrase("could not be applied (%(fault)s); see the worker's log")
