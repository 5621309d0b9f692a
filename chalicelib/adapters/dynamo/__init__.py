"""The metadata store in one DynamoDB table; `keys.py` shows how it is laid out."""

from chalicelib.adapters.dynamo.store import DynamoMetadata, create_table

__all__ = ["DynamoMetadata", "create_table"]
