"""The staff's side of supporters: segments, import, suppression, one person's history."""
