"""The application's template as SAM makes it on AWS, for cfn-lint: what really gets deployed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


class _NoManagedPolicies:
    """The names of AWS's own policies, which would be asked of IAM; our roles use none."""

    def load(self) -> dict[str, str]:
        return {}


def translate(template: dict[str, Any]) -> dict[str, Any]:
    """Plain CloudFormation. The translator is a requirement of the tests only."""
    from samtranslator.translator.transform import transform  # noqa: PLC0415

    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    for each in template["Resources"].values():
        if each["Type"] == "AWS::Serverless::Function":
            # `aws cloudformation package` puts an address into this place.
            each["Properties"]["CodeUri"] = "s3://artefacts/deployment.zip"
    translated: dict[str, Any] = transform(template, {}, _NoManagedPolicies())
    return translated


def main() -> int:
    source, target = (Path(name) for name in sys.argv[1:3])
    target.write_text(json.dumps(translate(json.loads(source.read_text())), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
