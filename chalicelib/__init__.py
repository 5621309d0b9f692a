"""Everything that the Lambda functions need, and nothing else: this package is what is shipped."""

__version__ = "0.1.0"
