"""What runs on a person's machine or in a container, never in Lambda."""
