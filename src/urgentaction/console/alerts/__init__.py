"""Alerts: composing, previewing, deciding, holding and stopping."""
