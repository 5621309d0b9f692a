"""The ports in memory: what they promise, executable, and what the tests of the services run on.

Thread-safe, gone with the process. Where the docstrings of ``ports.py`` leave room, these classes
show what is meant; `tests/contracts/` holds the AWS adapters to the same.
"""

from chalicelib.adapters.memory.blobs import Answer, MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata

__all__ = ["Answer", "MemoryBlobs", "MemoryMetadata"]
