"""The numbers of AWS, and the points on which its documents and what people saw differ."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MIB = 1024 * 1024


class TooLarge(Enum):
    """What API Gateway answers to a body of more than 10 MB.

    AWS: its own line of text. The developer guide says that the response of 413 REQUEST_TOO_LARGE
    cannot be customized, and those who tried say the same. CONFIGURED: that of the template.
    """

    AWS = "aws"
    CONFIGURED = "configured"


@dataclass(frozen=True)
class ApiLimits:
    """API Gateway (REST, Regional) and Lambda. ``rate_per_s`` None: nobody is throttled.

    Spec: API Gateway quotas, Lambda quotas. Lambda counts 6 MB of request, and 100 bytes more of
    answer ("Exceeded maximum allowed payload size (6291556 bytes)").
    """

    body_bytes: int = 10 * MIB
    event_bytes: int = 6 * MIB
    answer_bytes: int = 6 * MIB + 100
    head_bytes: int = 10_240
    timeout_s: float = 29.0
    rate_per_s: float | None = None
    burst: int = 1
    too_large: TooLarge = TooLarge.AWS


@dataclass(frozen=True)
class EdgeLimits:
    """CloudFront and its functions. ``lambda_*``: Lambda@Edge's, its text as a template takes it
    and its answer at origin response, headers and body. Spec: CloudFront quotas; Lambda's ZipFile.
    """

    url_bytes: int = 8_192
    head_bytes: int = 20_480
    function_bytes: int = 10_240
    lambda_characters: int = 4_096
    lambda_answer_bytes: int = 1024 * 1024
    origin_timeout_s: float = 30.0


@dataclass(frozen=True)
class OacSwitches:
    """What AWS documents too thinly to be sure of origin access control.

    ``takes_hash``: the x-amz-content-sha256 that a function has set is what is signed, else the
    body is unsigned. ``signs_amz``: other x-amz-* headers are signed too, else S3 refuses them.
    """

    takes_hash: bool = True
    signs_amz: bool = True
