"""Real clients and real images against a running registry."""
