"""What stands still, and what to do about it, in sentences: those of `diagnosis`, as they are told and stored."""

from __future__ import annotations

from urgentaction.core.phrases import Phrase, say

DATABASE_DOWN = say("The database does not answer. Nothing can be reported, approved or sent.")
START_DATABASE = say(
    "Start it (`docker compose up --detach postgres`), read its log, then `urgentaction doctor`. Everything goes on by "
    "itself once it answers."
)
DATABASE_READ_ONLY = say("The database can be read, but not written to. Nothing can be reported, approved or sent.")
USE_PRIMARY = say("Is DATABASE_URL pointing at a standby, or was it set read-only? Point it at the primary.")
DATABASE_FULL = say("The database takes no writes: its disk is full.")
MAKE_ROOM = say(
    "Make room on the database's volume (`df -h`; old logs and backups first, never files of its own), then "
    "`urgentaction doctor`."
)
DATABASE_OUTDATED = say("The database lacks tables of this version.")
MIGRATE = say("Run `urgentaction manage migrate`.")
BROKER_DOWN = say("The broker does not answer, so no worker hears of any work. Nothing is lost.")
START_BROKER = say("Start it (`docker compose up --detach valkey`), or correct REDIS_URL. It may come back empty.")
BROKER_REFUSES = say("The broker answers, but takes no writes, so no worker hears of any work. Nothing is lost.")
EMPTY_BROKER = say(
    "Its memory or its disk is full, or it is a replica: `valkey-cli info` says which. It holds hints and "
    "counters only: "
    "emptying it loses no delivery."
)
UNREADABLE = Phrase("The watchman can't read what there is to watch (%(fault)s).")
READ_WATCH_LOG = say("Read its log (`docker compose logs watch`).")
BEAT_SILENT = Phrase(
    "Beat puts nothing into the queues: no sign through %(queues)s for %(time)s. Retries and unfinished alerts stand "
    "still."
)
RESTART_BEAT = say("Restart it (`docker compose restart beat`) and read its log.")
WORKERS_SILENT = Phrase("No worker takes any work, for %(time)s. Nothing is sent.")
START_WORKERS = say(
    "Start them (`docker compose up --detach`), and read why they ended (`docker compose logs worker-urgent`)."
)
WORKER_SILENT = Phrase(
    "The worker `%(worker)s` has taken nothing from %(queues)s for %(time)s: it is dead, or it hangs."
)
RESTART_WORKER = Phrase("Restart it (`docker compose restart worker-%(worker)s`) and read its log.")
LANE_SILENT = Phrase("The worker `%(worker)s` works, but has taken nothing from %(queues)s for %(time)s.")
ADD_PROCESSES = Phrase(
    "It is too busy: give `worker-%(worker)s` more processes (`--concurrency`), or look in its log for a gateway that "
    "answers slowly."
)
WATCH_SILENT = Phrase("The watchman has given no sign for %(time)s: nobody would be called.")
WATCH_NEVER = say("The watchman has given no sign yet: nobody would be called.")
START_WATCH = say("Start `urgentaction watch` (`docker compose up --detach watch`).")
GATEWAY_PAUSED = Phrase("The gateway %(gateway)s is paused; %(others)s; %(waits)s.")
GATEWAY_BROKEN = Phrase("The gateway %(gateway)s does not work and is left alone for a while; %(others)s; %(waits)s.")
OTHERS_CARRY = Phrase("others carry %(channel)s", channel="channel")
NO_OTHER_CARRIES = Phrase("no other carries %(channel)s", channel="channel")
SO_MANY_WAIT = Phrase("%(count)s deliveries wait")
NOTHING_WAITS = say("nothing waits")
RESUME = Phrase.typed(
    "`urgentaction gateway list` says why. Put it right, then `urgentaction gateway resume %(gateway)s`."
)
MENDS_ITSELF = Phrase.typed(
    "`urgentaction gateway list` says why. It is tried again by itself; if it stays so, ask its provider."
)
DECISION_LATE = Phrase("Alert %(number)s has waited for a decision for %(time)s.")
DECISION_LATE_OF_LEVEL = Phrase("Alert %(number)s of level %(level)s has waited for a decision for %(time)s.")
DECIDE = Phrase.typed(
    "Read it (`urgentaction alert show %(number)s`), then `urgentaction alert approve %(number)s` or "
    "`urgentaction alert "
    "reject %(number)s`."
)
NOT_STARTED = Phrase("Alert %(number)s should have started, for %(time)s.")
STANDS_STILL = Phrase("Alert %(number)s was started, but stands still, for %(time)s.")
READ_WORKER_LOG = say(
    "The log of `worker-urgent` says why (a template, an office, a letter that can't be set): `docker compose logs "
    "worker-urgent`. It goes on by itself once that is mended."
)
OFFICIALS_OVERDUE = Phrase(
    "%(count)s deliveries to officials by %(channel)s should have left %(time)s ago, and the gateway is open.",
    channel="channel",
)
SUPPORTERS_OVERDUE = Phrase(
    "%(count)s deliveries to supporters by %(channel)s should have left %(time)s ago, and the gateway is open.",
    channel="channel",
)
LIST_QUEUED = Phrase.typed(
    "The log of `worker-%(worker)s` says why; `urgentaction deliveries --state queued --channel %(channel)s` "
    "lists them."
)
LEASES_HELD = Phrase("%(count)s deliveries are held by a worker long past their lease: nobody sweeps.")
READ_SWEEP = say("Read the log of `worker-urgent`: a line that begins with `sweep:` names what breaks.")
RECEIPTS_WAIT = Phrase("%(count)s receipts are not applied.")
READ_RECEIPTS_LOG = say("Read the log of `worker-receipts`: it names the one that breaks.")
UNASKED = Phrase("%(count)s deliveries are unknown, and neither a gateway nor a person is being asked.")
LIST_UNKNOWN = Phrase.typed(
    "`urgentaction deliveries --state unknown` lists them; the log of `worker-urgent` says why not."
)
TASK_LATE = Phrase("A task (%(kind)s) has waited for a person for %(time)s.", kind="task")
TASK_OF_ALERT_LATE = Phrase("A task (%(kind)s) of alert %(alert)s has waited for a person for %(time)s.", kind="task")
TASKS_LATE = Phrase("%(count)s tasks (%(kind)s) have waited for a person for %(time)s.", kind="task")
TASKS_OF_ALERT_LATE = Phrase(
    "%(count)s tasks (%(kind)s) of alert %(alert)s have waited for a person for %(time)s.", kind="task"
)
SEE_TO_TASKS = Phrase.typed("`urgentaction tasks` says what to do; `urgentaction task close ID --result …` when done.")
