"""SMS gateways, one folder each."""
