"""Reads only: what became of everything. Writes nothing, decides nothing."""
