"""The command `nbtasks metrics`."""

import logging
import signal
import sys
import threading
from typing import Any

import click

from nbtasks.cli.place import opened, service_options
from nbtasks.cli.plain import plain_errors
from nbtasks.errors import ConfigError

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


@click.command()
@service_options
@click.option("--port", type=click.IntRange(0, 65_535), default=9808, help="Default: 9808.")
@click.option("--host", default="127.0.0.1", help="Where to listen; default: 127.0.0.1.")
@plain_errors
def metrics(program: str, broker: str, app: str, port: int, host: str) -> None:
    """Serve figures for Prometheus, at http://HOST:PORT/metrics, until SIGTERM or SIGINT."""
    logging.basicConfig(level="INFO", format=LOG_FORMAT, stream=sys.stderr)
    stopped = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopped.set()

    with opened(program, broker, app) as found:
        server = _serve(found, port, host)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        where = f"http://{host}:{server.server_port}/metrics"
        logging.getLogger(__name__).info("figures of app %r: %s", found.config.name, where)
        stopped.wait()
        server.shutdown()


def _serve(app: Any, port: int, host: str) -> Any:
    try:
        from prometheus_client import CollectorRegistry, start_http_server

        from nbtasks.metrics import Metrics
    except ImportError as error:
        raise ConfigError(
            f'figures need a library ({error}): pip install "nbtasks[prometheus]"'
        ) from error
    registry = CollectorRegistry()
    registry.register(Metrics(app).start())
    try:
        return start_http_server(port, host, registry)[0]
    except OSError as error:
        raise ConfigError(f"nobody can listen at {host}:{port}: {error}") from error
