"""`roadstead team`: teams over HTTP, by whoever has a login."""
