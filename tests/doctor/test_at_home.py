"""The doctor against AWS at home: the real edge functions, API Gateway's limits, S3's refusals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from chalicelib.service import accounts
from roadstead import local
from roadstead.awslimits.home import Plan
from roadstead.awslimits.limits import OacSwitches
from roadstead.doctor.findings import rendered
from tests.awslimits.places import Place, aws_place
from tests.doctor.test_doctor import ALICE, looked, skipped_in, wrong_in
from tests.support.stack import Stack

LARGE_BYTES = 12 * 1024 * 1024 + 5


@pytest.fixture(scope="module", params=["open", "basic", "bearer", "with a gateway"])
def place(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Place]:
    mode = Mode.OPEN if request.param == "open" else Mode.ACCOUNTS
    challenge = Challenge.BEARER if request.param == "bearer" else Challenge.BASIC
    plan = Plan(gateway=request.param == "with a gateway")
    choices = local.Choices(mode, challenge=challenge)
    with aws_place(stack, plan, choices) as made:
        world = made.home.world
        # The stack's table is all tests' own: the account may be there already.
        if mode is Mode.ACCOUNTS and world.accounts.find_user(ALICE.name) is None:
            accounts.create(world, ALICE.name, ALICE.password, administrator=True)
        yield made


def test_a_registry_behind_the_real_edge_is_well(place: Place) -> None:
    login = ALICE if place.home.world.mode is Mode.ACCOUNTS else None
    api_url = f"http://{place.home.api.netloc}/api"
    found = looked(place.host, login, api_url=api_url, large_bytes=LARGE_BYTES)
    assert wrong_in(found) == set(), rendered(found.values())
    asks_nobody = {"challenge", "wrong-login"} if login is None else set()
    assert skipped_in(found) == {"tls", "web-function", "throttled"} | asks_nobody


@pytest.mark.parametrize(
    ("switched", "expected"),
    [
        # The signed checksum alone is enough for S3 to refuse other bytes.
        (OacSwitches(takes_hash=False), set()),
        (OacSwitches(signs_amz=False), {"edge-right"}),
        (OacSwitches(takes_hash=False, signs_amz=False), {"edge-right"}),
    ],
    ids=["U1", "U2", "both"],
)
def test_what_cloudfront_may_do_otherwise_is_named(
    stack: Stack, switched: OacSwitches, expected: set[str]
) -> None:
    with aws_place(stack, Plan(oac=switched)) as made:
        found = looked(made.host, None)
    assert wrong_in(found) == expected, rendered(found.values())
