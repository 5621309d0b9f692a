"""What can go wrong while packaging or deploying, as sentences."""


class PackageError(Exception):
    """Says what is wrong and what to do; nothing was left half done."""
