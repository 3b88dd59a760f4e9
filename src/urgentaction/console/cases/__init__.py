"""Cases: what is known, what happened, and what an update would lead to."""
