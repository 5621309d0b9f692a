"""botocore's session, one for DynamoDB and S3 together: building a second costs a cold start."""

from __future__ import annotations

from functools import cache

import botocore.session


def open_session(access_key: str, secret_key: str) -> botocore.session.Session:
    """A session of its own, with these credentials and no others."""
    session = botocore.session.Session()
    session.set_credentials(access_key, secret_key)
    return session


@cache
def shared_session() -> botocore.session.Session:
    """The process's session, with the credentials that AWS's own chain finds."""
    return botocore.session.Session()
