"""Fax gateways, one folder each."""
