"""The blob store in one S3 bucket, and the presigned URLs that lead clients to it."""

from chalicelib.adapters.s3.store import S3Blobs, create_bucket

__all__ = ["S3Blobs", "create_bucket"]
