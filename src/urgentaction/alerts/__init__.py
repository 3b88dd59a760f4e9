"""An alert's life: draft, approval, hold, running, stopped; whom it addresses; the fence."""
