"""Offices, officials and contact points."""
