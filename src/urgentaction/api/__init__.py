"""The token API and the gateways' webhooks."""
