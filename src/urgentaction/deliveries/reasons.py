"""Why a delivery stands where it stands, and what came of tasks, as rows say it. Gateways speak in their own words.

Stored in English; pages find these sentences in the rows again and say them in their reader's language.
"""

from __future__ import annotations

from urgentaction.core.phrases import Phrase, say

#: Why one must not touch the wire.
STOPPED = say("suppressed before it was sent")
GONE = say("no longer wants this channel")
POINT_RETIRED = say("its contact point is used no more")
NO_ADDRESS = say("no address: it was erased or taken out of the directory")
NOT_APPROVED = say("an approval was taken back")
NOT_AGREED = say("names somebody who does not agree to that any more")
#: Why one goes back for a while.
WAITS_FOR_DOMAIN = say("the recipient's mail domain takes no more just now")
WAITS_FOR_MORNING = say("waits for the recipient's quiet hours to end")
ADAPTER_BROKE = say("its gateway's program broke; see the worker's log")
NAMES_UNREADABLE = say("the names of its case can't be read")

#: What became of it without anybody's doing.
TOO_LATE = say("its deadline passed unsent")
ALERT_STOPPED = Phrase("alert stopped: %(why)s")
ALERT_OVER = Phrase("alert is over; before: %(before)s")
NEXT_STEP = say("no receipt in time; the plan's next step was begun")

#: What is known, and is not, after it left.
WORKER_DIED = say("the worker died while it was on the wire")
UNKNOWN = Phrase("unknown: %(why)s")
ANOTHER_ON_WIRE = say("unknown: another message to the same number is on the wire")
SEVERAL_FIT = Phrase("unknown: the gateway has %(messages)s messages that fit, for %(tries)s open tries")
NO_TRACE = say("unknown: no trace at the gateway yet")
NEVER_TOOK = say("the gateway never took it")
SENT_ANEW = say("unknown before: sent again with the same Message-ID")
GATEWAY_HAS_IT = say("the gateway has it")
AFTER_ALL = Phrase("arrived after all; before: %(state)s (%(reason)s)", state="state")

#: What people decided.
SETTLED = Phrase("settled by hand: %(why)s")
WITHDRAWN = Phrase("withdrawn by hand: %(why)s")
SENT_AGAIN = Phrase("sent again by hand: %(why)s")

#: What came of a task that news or a deed elsewhere has closed.
APPROVED = say("approved")
REJECTED = say("rejected")
STOPPED_BY_HAND = say("withdrawn")
CHANGED = say("changed; it has to be sent for approval again")
ARRIVED_AFTER_ALL = Phrase("delivery %(delivery)s arrived after all")
ANSWERED = Phrase("the gateway answered: %(why)s")
REPORTED = Phrase("the gateway reported: %(state)s", state="state")
REPLACED = Phrase("replaced by contact point %(point)s")
RETIRED = Phrase("retired: %(why)s")
CHECKED = Phrase("checked: %(method)s, %(result)s", method="check-method", result="check-result")
