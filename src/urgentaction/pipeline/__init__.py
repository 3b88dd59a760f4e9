"""The only place that strings the stages together. Each step is one transaction, and each can be done again.

    report_update ─> advance_alert ─> send_due ─> apply_receipts
        (decide)     (start, freeze,   (claim,      (later, by what
                      expand)          send)         gateways report)
                                  sweep: finds whatever any of these left undone

Workers, faces and tests call these functions; they call the rooms' services. Nothing here talks to a gateway itself,
and a hint to a worker is only ever sent after the commit that made the work.
"""

from __future__ import annotations

from .deciding import (
    Reported,
    approve,
    consider,
    dry_run,
    fingerprint_of,
    let_go,
    reject,
    report_update,
    send_manual_alert,
    take_back_approval,
    withdraw,
)
from .going_live import ModeChanged, change_mode
from .working import (
    advance_alert,
    apply_receipts,
    beat_heart,
    send_confirmations,
    send_due,
    send_to_officials,
    send_to_supporters,
    sweep_all,
    take_in_table,
)

__all__ = [
    "ModeChanged",
    "Reported",
    "advance_alert",
    "apply_receipts",
    "approve",
    "beat_heart",
    "change_mode",
    "consider",
    "dry_run",
    "fingerprint_of",
    "let_go",
    "reject",
    "report_update",
    "send_confirmations",
    "send_due",
    "send_manual_alert",
    "send_to_officials",
    "send_to_supporters",
    "sweep_all",
    "take_back_approval",
    "take_in_table",
    "withdraw",
]
