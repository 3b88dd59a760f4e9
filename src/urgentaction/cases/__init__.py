"""Cases: the persons at risk, what happened to them, from which source, and who may be told what."""
