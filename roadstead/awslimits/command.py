"""`roadstead up --aws-limits`: the registry as it is on AWS, in one process on loopback."""

from __future__ import annotations

from pathlib import Path

from roadstead import local, up
from roadstead.awslimits.functions import find_node
from roadstead.awslimits.home import Plan, at_home, edge_keys, functions_for
from roadstead.embedded.stack import EmbeddedStack
from roadstead.failure import Failure
from roadstead.gateway.downloads import Downloads

__all__ = ["Plan", "run"]


def run(data: Path, port: int, choices: local.Choices, plan: Plan) -> None:
    """Serve until Ctrl-C.

    Raises: Failure: a sentence that says what is wrong and what to do.
    """
    if choices.downloads is Downloads.THROUGH:
        raise Failure("--downloads through needs a gateway in front: not with --aws-limits.")
    find_node()
    listener = up.take_port(port)
    try:
        stack = EmbeddedStack(data, log=up.say)
        endpoints = stack.start()
        try:
            registry_keys = local.registry_keys(data, choices.mode)
            keys = edge_keys(data)
            host = f"localhost:{listener.getsockname()[1]}"
            with (
                functions_for(choices, keys, plan) as functions,
                at_home(endpoints, choices, registry_keys, functions, keys, host, plan) as home,
            ):
                local.remember_endpoints(data, endpoints)
                up.say("  AWS's limits are on: docs/aws-at-home.md")
                if home.gateway is not None:
                    up.say(f"  gateway beside the functions: http://{home.gateway.netloc}")
                up.serve(
                    stack,
                    home.distribution,
                    home.world,
                    listener,
                    data,
                    endpoints,
                    choices,
                    believes_proxies=False,
                )
        finally:
            local.forget_endpoints(data)
            stack.stop()
            up.say("stopped; the data is kept in " + str(data))
    finally:
        listener.close()
