"""The embedded stack: a local S3 server and a local DynamoDB engine in one data folder."""

from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.machine import Machine
from roadstead.embedded.stack import EmbeddedStack, StackEndpoints

__all__ = ["EmbeddedStack", "EmbeddedStackError", "Machine", "StackEndpoints"]
