"""What Roadstead costs, measured against a peer in the same run; nothing here asserts a time."""
