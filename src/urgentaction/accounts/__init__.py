"""Users and roles, API tokens, the audit log."""
