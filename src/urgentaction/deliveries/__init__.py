"""One row per recipient and channel: claimed, sent, recorded, retried, withdrawn."""
