"""What every room stands on: clock, ids, encryption, errors, enqueue-after-commit. Imports no other room."""
