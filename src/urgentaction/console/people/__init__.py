"""Staff accounts: who may log in, with which role and which second factor."""
