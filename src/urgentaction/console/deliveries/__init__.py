"""Following each letter to its end: progress, single deliveries, unknowns and the tasks left for people."""
