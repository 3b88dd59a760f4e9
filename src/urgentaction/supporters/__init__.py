"""People who asked to be told, and the list of those who must not be."""
