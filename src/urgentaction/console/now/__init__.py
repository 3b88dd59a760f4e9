"""The first page: what goes on at this moment."""
