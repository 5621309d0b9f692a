"""What a million pulls and a million pushes cost on AWS, from calls counted here.

    python -m benchmarks.costs [--layers 8] [--image-mb 100] [--memory-mb 1024] [--rounds 10]

One image is pushed and pulled through AWS at home (`--aws-limits`), by the requests that
containerd sends. Counted: requests to the distribution and runs of its functions; requests of the
API and what each of them asked of DynamoDB and S3, by their own log lines; units of capacity, of
single items as DynamoDB says them, of transactions and batches by their items; requests of clients
to S3; bytes of log. Lambda's time is not measured but made up: the CPU of each operation as
`benchmarks.warm` has it, on this machine, over the share of a CPU that the memory buys, and a time
for each call. Prices are in prices.json, with where they are from.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3

from benchmarks import warm
from chalicelib.domain.access import Mode
from chalicelib.service import accounts
from chalicelib.web import logs
from chalicelib.web.lines import UNITS, Metrics, rendered, with_metrics
from roadstead import local
from roadstead.awslimits.home import Plan
from tests.awslimits.places import Place, aws_place
from tests.support.stack import Stack, running_stack
from tests.support.world import basic

HERE = Path(__file__).resolve().parent
INFRA = HERE.parent / "infra"
MILLION = 1_000_000
GB = 1_000_000_000
LAYER_BYTES = 20_000
REPOSITORY = "alice/app"
OCI = "application/vnd.oci.image.manifest.v1+json"
SINGLE_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
LOGIN = ("alice", "alice-secret")
S3_WRITES = frozenset(
    {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "CopyObject"}
)
# Whose CPU stands for an endpoint's; what is not here takes that of the base.
CPU_OF = {
    "v2.base": "v2 base",
    "v2.manifest.get": "manifest GET by digest",
    "v2.manifest.put": "manifest PUT by tag",
    "v2.blob.get": "blob GET",
    "v2.upload.start": "start an upload",
}
PARTS = {
    "CloudFront": ("cloudfront_request", "cloudfront_function"),
    "Lambda@Edge": ("lambda_edge_request", "lambda_edge_gb_second"),
    "API Gateway": ("api_gateway_request",),
    "Lambda": ("lambda_request", "lambda_gb_second"),
    "DynamoDB": ("dynamodb_read_unit", "dynamodb_write_unit"),
    "S3": ("s3_put", "s3_get"),
    "Logs": ("log_gb",),
}


@dataclass
class Bill:
    """Amounts by the names of prices.json, of everything that was done."""

    amounts: Counter[str] = field(default_factory=Counter)
    endpoints: Counter[str] = field(default_factory=Counter)

    def over(self, rounds: int) -> Mapping[str, float]:
        return {name: amount / rounds for name, amount in self.amounts.items()}


class Prices:
    """prices.json."""

    def __init__(self) -> None:
        self.document = json.loads((HERE / "prices.json").read_text())
        rows = self.document["prices"]
        self.usd = {name: row["usd"] / row["per"] for name, row in rows.items()}
        self.assumed = {name: row["value"] for name, row in self.document["assumed"].items()}

    def cost(self, part: str, amounts: Mapping[str, float]) -> float:
        return sum(amounts.get(name, 0) * self.usd[name] for name in PARTS[part])

    def from_memory(self) -> list[str]:
        both = {**self.document["prices"], **self.document["assumed"]}
        return [name for name, row in both.items() if row["from_memory"]]


@dataclass
class Meter:
    """Hears everything that is done at one place while it is asked for something."""

    place: Place
    prices: Prices
    cpu_ms: Mapping[str, float]
    memory_mb: int
    bill: Bill = field(default_factory=Bill)
    _asked: int = 0

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(retries=False)
        events = self.place.home.world.metadata._table.connection.client.meta.events  # type: ignore[attr-defined]
        events.register("provide-client-params.dynamodb", self._ask_for_units)
        events.register("after-call.dynamodb", self._count_units)

    def _ask_for_units(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "TransactItems" in params:
            units = transaction_units(params["TransactItems"])
            self.bill.amounts["dynamodb_write_unit"] += units
        if "RequestItems" in params:
            self._asked = sum(len(each["Keys"]) for each in params["RequestItems"].values())
        return {**params, "ReturnConsumedCapacity": "TOTAL"}

    def _count_units(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems":
            return
        units = 0.0
        if model.name == "BatchGetItem":
            found = [item for items in parsed["Responses"].values() for item in items]
            units = sum(kilobytes(item, 4) for item in found) + self._asked - len(found)
        elif "ConsumedCapacity" in parsed:
            units = parsed["ConsumedCapacity"]["CapacityUnits"]
        kind = "dynamodb_write_unit" if model.name in SINGLE_WRITES else "dynamodb_read_unit"
        # A pass of the collector reads the whole table, whoever has ended.
        kind = "scanned_unit" if model.name == "Scan" else kind
        self.bill.amounts[kind] += units  # type: ignore[assignment]

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Any:
        """One request of a client, to the distribution or straight to S3."""
        url = urljoin(f"http://{self.place.host}/", target)
        ours = urlsplit(url).netloc == self.place.host
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": basic(*LOGIN)} if ours else {}
        answer = self._pool.request(method, url, body=body or None, headers=sent, redirect=False)
        if not ours:
            self.bill.amounts["s3_get" if method in ("GET", "HEAD") else "s3_put"] += 1
        else:
            self.bill.amounts["cloudfront_request"] += 1
            # Every answer of an origin passes it; a 401 comes from the edge itself.
            if answer.status != 401:
                assumed, amounts = self.prices.assumed, self.bill.amounts
                gb_s = assumed["lambda_edge_ms"] / 1000 * assumed["lambda_edge_mb"] / 1024
                amounts["lambda_edge_request"] += 1
                amounts["lambda_edge_gb_second"] += gb_s  # type: ignore[assignment]
            # The function of the answer does not run from 400 up.
            self.bill.amounts["cloudfront_function"] += 2 if answer.status < 400 else 1
            if "/_up/" in url and method == "PUT" and answer.status == 201:
                self.bill.amounts["s3_put"] += 1
        return answer

    def read(self, text: str) -> None:
        """Count what the API's own lines say."""
        for line in map(json.loads, text.splitlines()):
            if line["kind"] == "request":
                self._count_request(line)

    def _count_request(self, line: dict[str, Any]) -> None:
        amounts, calls, assumed = self.bill.amounts, line.get("calls", {}), self.prices.assumed
        by_service = Counter(
            {name: sum(n for c, n in calls.items() if c.startswith(name)) for name in ("dyn", "s3")}
        )
        for call, number in calls.items():
            service, _, operation = call.partition(".")
            if service == "s3":
                amounts["s3_put" if operation in S3_WRITES else "s3_get"] += number
        share = min(1.0, self.memory_mb / assumed["lambda_mb_for_one_cpu"])
        cpu = self.cpu_ms.get(CPU_OF.get(line["endpoint"], ""), self.cpu_ms["v2 base"])
        waited = by_service["dyn"] * assumed["dynamodb_call_ms"]
        waited += by_service["s3"] * assumed["s3_call_ms"]
        billed_ms = math.ceil(cpu / share + waited)
        amounts["lambda_gb_second"] += billed_ms / 1000 * self.memory_mb / 1024  # type: ignore[assignment]
        amounts["lambda_request"] += 1
        amounts["api_gateway_request"] += 1
        shown = rendered(with_metrics(line, Metrics.STAGE, 1_800_000_000_000))
        amounts["log_gb"] += (len(shown) + 26) / GB  # type: ignore[assignment]
        self.bill.endpoints[line["endpoint"]] += 1


def kilobytes(item: Mapping[str, Any], step_kb: int) -> int:
    """Steps of so many KB that an item fills; the last one whole."""
    size = sum(len(name) + _value_bytes(value) for name, value in item.items())
    return max(1, math.ceil(size / 1024 / step_kb))


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((_, held),) = value.items()
    if isinstance(held, str | bytes):
        return len(held)
    if isinstance(held, list | tuple):
        return sum(_value_bytes(each) if isinstance(each, dict) else len(each) for each in held)
    if isinstance(held, dict):
        return sum(len(name) + _value_bytes(each) for name, each in held.items())
    return 1


def transaction_units(items: list[dict[str, Any]]) -> int:
    """Two write units for each started KB of each item.

    DynamoDB Local adds up the bytes of all items first, which comes to half of what AWS bills.
    What an update or a deletion leaves or takes is not seen here: it counts as one KB.
    """
    return sum(2 * kilobytes(each.get("Put", {}).get("Item", {}), 1) for each in items)


def image(layers: int) -> tuple[list[bytes], bytes]:
    """The blobs of a new image, its config first, and its manifest."""
    config = json.dumps({"architecture": "arm64", "os": "linux", "n": os.urandom(9).hex()}).encode()
    blobs = [config, *(os.urandom(LAYER_BYTES) for _ in range(layers))]
    described = [
        {"mediaType": f"application/x-{number}", "digest": digest(blob), "size": len(blob)}
        for number, blob in enumerate(blobs)
    ]
    document = {"schemaVersion": 2, "mediaType": OCI, "config": described[0]}
    return blobs, json.dumps({**document, "layers": described[1:]}).encode()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push(
    meter: Meter, tag: str, blobs: list[bytes], raw: bytes, repository: str = REPOSITORY
) -> None:
    """As containerd and docker from 29 on push: the base, then for each blob HEAD, POST, PUT."""
    base = f"/v2/{repository}"
    want(meter.ask("GET", "/v2/"), 200)
    for blob in blobs:
        want(meter.ask("HEAD", f"{base}/blobs/{digest(blob)}"), 404)
        place = want(meter.ask("POST", f"{base}/blobs/uploads/"), 202).headers["Location"]
        glue = "&" if "?" in place else "?"
        put = meter.ask("PUT", f"{place}{glue}digest={digest(blob)}", blob)
        want(put, 201)
    want(meter.ask("HEAD", f"{base}/manifests/{tag}"), 404)
    want(meter.ask("PUT", f"{base}/manifests/{tag}", raw, Content_Type=OCI), 201)


def pull(meter: Meter, tag: str, blobs: list[bytes], raw: bytes) -> None:
    """As they pull: the base, HEAD of the tag, GET of the manifest by its digest, the blobs."""
    base = f"/v2/{REPOSITORY}"
    want(meter.ask("GET", "/v2/"), 200)
    want(meter.ask("HEAD", f"{base}/manifests/{tag}", Accept=OCI), 200)
    assert want(meter.ask("GET", f"{base}/manifests/{digest(raw)}", Accept=OCI), 200).data == raw
    for blob in blobs:
        found = want(meter.ask("GET", f"{base}/blobs/{digest(blob)}"), 307)
        assert want(meter.ask("GET", found.headers["Location"]), 200).data == blob


def want(answer: Any, status: int) -> Any:
    assert answer.status == status, (answer.status, answer.data[:300])
    return answer


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """The log of this process, for as long as the block runs."""
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    logs.ROOT.handlers[:] = []


def cpu_of_operations(stack: Stack, rounds: int) -> dict[str, float]:
    """Median CPU, in ms, of the operations of `benchmarks.warm`."""
    opened, _ = warm.filled(stack)
    found: dict[str, float] = {}
    for row in warm.HOTTEST:
        measured = warm.Measured()
        for _ in range(rounds):
            opened.measure(row, measured)
        found[row[0]] = statistics.median(measured.cpu_ms)
    return found


def counted(
    stack: Stack, asked: argparse.Namespace, prices: Prices
) -> tuple[Bill, Bill, Mapping[str, Bill]]:
    """What so many pushes took, and so many pulls; and a team from its making to its last row."""
    cpu_ms = cpu_of_operations(stack, 30)
    with aws_place(stack, Plan(), local.Choices(Mode.ACCOUNTS)) as place, listening() as log:
        accounts.create(place.home.world, *LOGIN, administrator=True)
        meter = Meter(place, prices, cpu_ms, asked.memory_mb)
        images = [image(asked.layers) for _ in range(asked.rounds)]
        # So that the login is known, and the repository there.
        push(meter, "first", *image(asked.layers))
        bills = []
        for act in (push, pull):
            meter.bill = Bill()
            log.truncate(0)
            log.seek(0)
            for number, (blobs, raw) in enumerate(images):
                act(meter, f"v{number}", blobs, raw)
            meter.read(log.getvalue())
            bills.append(meter.bill)
        log.truncate(0)
        log.seek(0)
        from benchmarks import team_costs

        teams = team_costs.team_of(meter, *image(asked.layers))
        meter.bill = teams["team made and ended"]
        for text in log.getvalue().splitlines():
            if '"v2.team' in text:
                meter.read(text)
        return bills[0], bills[1], teams


def report(
    asked: argparse.Namespace,
    prices: Prices,
    bills: Mapping[str, Bill],
    teams: Mapping[str, Bill] = MappingProxyType({}),
) -> Iterator[str]:
    yield (
        f"An image of {asked.layers} layers and a config; "
        f"{prices.document['region']}, prices read {prices.document['read']}; "
        f"functions of {asked.memory_mb} MB."
    )
    totals: dict[str, float] = {}
    for name, bill in bills.items():
        amounts = bill.over(asked.rounds)
        yield ""
        yield f"one {name}: {amounts['cloudfront_request']:g} requests of a client; of the API:"
        yield "  " + ", ".join(
            f"{number / asked.rounds:g} {end}" for end, number in sorted(bill.endpoints.items())
        )
        yield f"  {'part':12}{'amounts for one':64}{'USD a million':>14}"
        for part, names in PARTS.items():
            text = ", ".join(f"{amounts.get(n, 0):.4g} {n}" for n in names)
            yield f"  {part:12}{text:64}{prices.cost(part, amounts) * MILLION:14.2f}"
        totals[name] = sum(prices.cost(part, amounts) for part in PARTS) * MILLION
        yield f"  {'all':76}{totals[name]:14.2f}"
    if teams:
        from benchmarks import team_costs

        yield from team_costs.told(prices, teams)
    yield from standing(prices)
    yield from beside_ecr(asked, prices, totals)
    yield ""
    yield "From memory, and so to be looked up: " + ", ".join(prices.from_memory())


def standing(prices: Prices) -> Iterator[str]:
    """What a month costs in which nobody comes, and at most when somebody always does."""
    kinds = Counter(
        resource.get("Type")
        for name in ("app", "data")
        for resource in json.loads((INFRA / f"{name}.json").read_text())["Resources"].values()
    )
    alarms, secrets = kinds["AWS::CloudWatch::Alarm"], kinds["AWS::SecretsManager::Secret"]
    fixed = alarms * prices.usd["alarm_month"] + secrets * prices.usd["secret_month"]
    metrics = f"{len(UNITS) * prices.usd['metric_month']:.2f} USD ({len(UNITS)} of them"
    yield ""
    yield (
        f"A month in which nobody comes: {fixed:.2f} USD ({alarms} alarms, {secrets} secrets), and "
        f"the bytes. Metrics come to at most {metrics}, for the hours that have any)."
    )


def beside_ecr(
    asked: argparse.Namespace, prices: Prices, totals: Mapping[str, float]
) -> Iterator[str]:
    """ECR takes nothing for requests, and more for bytes that lie there."""
    saved = prices.usd["ecr_gb_month"] - prices.usd["s3_gb_month"]
    pulled_tb = asked.image_mb * MILLION / 1_000_000
    transfer = pulled_tb * 1000 * prices.usd["s3_transfer_gb"]
    yield ""
    yield (
        f"ECR takes {prices.usd['ecr_gb_month']:.3f} USD for a GB and month, S3 "
        f"{prices.usd['s3_gb_month']:.3f}: {saved:.3f} saved. A million pulls a month "
        f"({totals['pull']:.2f} USD) are paid for by {totals['pull'] / saved:,.0f} GB; "
        f"below that ECR is cheaper. A million pushes: {totals['push'] / saved:,.0f} GB."
    )
    yield (
        f"Bytes to the internet cost the same either way: a million pulls of {asked.image_mb} MB "
        f"are {pulled_tb:.0f} TB, {transfer:,.0f} USD at the first tier; within the region nothing."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Cost of pulls and pushes, from counted calls")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--image-mb", type=int, default=100, help="for the bytes that go out")
    parser.add_argument("--memory-mb", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=10)
    asked, prices = parser.parse_args(), Prices()
    temporary = tempfile.TemporaryDirectory(prefix="roadstead-")
    with temporary as folder, running_stack(Path(folder)) as stack:
        pushed, pulled, teams = counted(stack, asked, prices)
    print("\n".join(report(asked, prices, {"pull": pulled, "push": pushed}, teams)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
