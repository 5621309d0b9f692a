"""Webhooks of a registry on a person's machine: its queue, and threads that tell receivers."""
