"""The conformance programme of the OCI distribution specification, against our own gateway."""
