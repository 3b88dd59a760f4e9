"""Pages and links for supporters and gateways: unsubscribe, media for fax, health."""
