"""Use cases: they take values and ports, sequence the calls, and return values."""
