"""Liveness: what stands still, who was told of it, and the watchman who looks. Needs neither broker nor workers."""
