"""The Chalice application: everything is registered here, and no logic is."""

import sys
from typing import Any

from chalicelib.adapters.clock import SystemClock
from chalicelib.api.blueprints import register_all
from chalicelib.bootstrap import collector_run, table, verifier_world, world
from chalicelib.config import read_log_settings
from chalicelib.web.edge import RegistryApp
from chalicelib.web.lines import Metrics
from chalicelib.web.logs import configure

configure(sys.stdout)
settings = read_log_settings()
metrics = Metrics(settings.metrics)
app = register_all(RegistryApp(app_name="roadstead", stage=settings.stage, metrics=metrics), world)


@app.lambda_function(name="collect")
def collect(event: object, context: Any) -> dict[str, object]:
    """Take away what nothing needs any more, for as long as there is time."""
    # Here and below: the API's cold start must not wait for what it never calls.
    from chalicelib.api import collecting  # noqa: PLC0415

    return collecting.answer(collector_run, event, context.get_remaining_time_in_millis)


@app.lambda_function(name="verifier_handler")
def verifier_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Prove an upload that its closing request had no time to read."""
    from chalicelib.api.verifier import verifier_of  # noqa: PLC0415

    return verifier_of(verifier_world)(event, context)


@app.lambda_function(name="meter")
def meter(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Count what the log lines say, and once an hour what is stored."""
    from chalicelib.api.meter import run_meter  # noqa: PLC0415
    from chalicelib.bootstrap import webhook_listeners  # noqa: PLC0415

    return run_meter(table(), SystemClock(), event, webhook_listeners())


@app.lambda_function(name="webhooks")
def webhooks(event: dict[str, Any], context: Any) -> dict[str, object]:
    """Tell webhooks what has happened."""
    from chalicelib.api.deliverer import deliver  # noqa: PLC0415
    from chalicelib.bootstrap import webhook_work  # noqa: PLC0415

    return deliver(webhook_work(), event, context.get_remaining_time_in_millis)
