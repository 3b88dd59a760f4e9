"""Settings and what keeps the service going: gateways, rules, standing approvals, tokens, on-call, the audit log."""
