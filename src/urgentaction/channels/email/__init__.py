"""Mail gateways, one folder each."""
