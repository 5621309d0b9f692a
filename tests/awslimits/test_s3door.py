"""S3's refusals: each a case, asked of the door and of SeaweedFS alone, so that what the door adds
is measured and not believed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from defusedxml.ElementTree import fromstring

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.s3 import S3Blobs
from roadstead.awslimits import oac
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.limits import OacSwitches
from roadstead.awslimits.s3door import S3Door
from tests.awslimits.wire import Said, ask, pieces, served
from tests.support.stack import BUCKET, Stack

BODY = b"hello"
HEX = hashlib.sha256(BODY).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def checksum(hex_digest: str) -> str:
    return base64.b64encode(bytes.fromhex(hex_digest)).decode()
