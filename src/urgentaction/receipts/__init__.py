"""What gateways report later: stored raw and once, then applied."""
