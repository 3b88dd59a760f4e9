"""Templates: reading, editing, previewing, reviewing."""
