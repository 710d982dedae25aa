"""Figures where Redis is away between what was read and its name."""

import pytest
from patience import wait_until
from prometheus_client import CollectorRegistry
from proxy import Proxy
from workers import KEY

from nbtasks import App
from nbtasks.metrics import Metrics


@pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")
def test_what_was_read_is_counted_later(server, fresh_app):
    result = fresh_app.task(abs, name="abs").delay(1)
    refused = iter(range(3, 0, -1))

    def find():
        if proxy.dropped and next(refused, 0):
            raise ConnectionRefusedError
        return server

    proxy, registry = Proxy(find), CollectorRegistry()
    app = App(fresh_app.config.name, broker=proxy.url, key=KEY, patience_ms=1)
    metrics = Metrics(app).start()
    registry.register(metrics)
    proxy.lose_reply(result.record.rid.encode())
    labels = {"state": "REVOKED", "name": "abs", "queue": "default"}

    result.revoke()

    wait_until(lambda: registry.get_sample_value("nbtasks_tasks_total", labels) == 1, "counted")
    assert proxy.dropped == 1
    fresh_app.control.purge()
    metrics.stop()
    app.close()
    proxy.close()
