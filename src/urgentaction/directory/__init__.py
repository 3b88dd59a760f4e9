"""Offices, the officials who hold them, and the contact points where they are reached."""
