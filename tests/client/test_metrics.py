"""Figures for Prometheus, on a real worker and by the real command."""

import os
import re
import subprocess
import sys
from urllib.request import urlopen

import pytest
from patience import wait_until
from prometheus_client import CollectorRegistry, generate_latest
from workers import KEY

from nbtasks import metrics as module
from nbtasks.metrics import Metrics
from nbtasks.monitor.records import About
from nbtasks.store.keys import LIMITED
from nbtasks.store.limits import pause_task, resume_task

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture(scope="module")
def app(shared_app):
    return shared_app


@pytest.fixture
def registry(app):
    registry = CollectorRegistry()
    metrics = Metrics(app).start()
    registry.register(metrics)
    yield registry
    metrics.stop()


def half(app, **options):
    def half(value):
        return 1 / value

    return app.task(half, name="half", **options)


def test_what_happens_is_counted_by_name_state_and_queue(app, registry):
    group = half(app).map_async([0, 1, 2])
    group.join(10, propagate=False)
    labels = {"name": "half", "queue": "default"}

    def ended(state):
        return registry.get_sample_value("nbtasks_tasks_total", {**labels, "state": state})

    wait_until(lambda: (ended("SUCCESS"), ended("FAILURE")) == (2, 1), "all are counted")
    assert registry.get_sample_value("nbtasks_tasks_sent_total", labels) == 3
    name = {"name": "half"}
    assert registry.get_sample_value("nbtasks_task_runtime_seconds_count", name) == 3
    assert (
        registry.get_sample_value("nbtasks_task_runtime_seconds_bucket", {**name, "le": "5.0"}) == 3
    )


def test_what_is_there_is_read_at_each_scrape(app, registry):
    assert registry.get_sample_value("nbtasks_up") == 1
    assert registry.get_sample_value("nbtasks_workers") == 1
    assert registry.get_sample_value("nbtasks_slots") == 2
    assert registry.get_sample_value("nbtasks_queue_length", {"queue": "default"}) == 0
    waiting = half(app).apply_async((1,), countdown=100)
    assert registry.get_sample_value("nbtasks_scheduled") == 1
    waiting.revoke()


@pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")
def test_tasks_that_wait_are_counted_in_their_queue(app, registry):
    group = app.map(abs, range(1000), queue="nobody")
    wait_until(lambda: b'queue="nobody"' in generate_latest(registry), "it was heard of")
    assert registry.get_sample_value("nbtasks_queue_length", {"queue": "nobody"}) == 1000
    group.revoke()


def test_who_waits_for_a_limit_waits_in_its_queue_and_is_not_scheduled(app, registry):
    pause_task(app.store, "half")
    group = half(app).map_async(range(1, 8))
    parked = app.store.keys.ready(f"default{LIMITED}")
    wait_until(lambda: app.store.call("EXISTS", parked), "they are looked at")

    assert registry.get_sample_value("nbtasks_queue_length", {"queue": "default"}) == 7
    assert registry.get_sample_value("nbtasks_scheduled") == 0

    resume_task(app.store, "half")
    assert group.join(10)[0] == 1


def test_labels_are_bounded(app, monkeypatch):
    monkeypatch.setattr(module, "NAMES", 1)
    metrics = Metrics(app)
    labels = [metrics._labels(About(name, name)) for name in ("a", "b")]
    assert labels == [("a", "a"), ("(other)", "b")]
    assert metrics._labels(About("a", "c")).name == "a"


def test_the_command_serves_them(app, tmp_path):
    command = [sys.executable, "-m", "nbtasks", "metrics", "-b", app.config.url, "--port", "0"]
    log = tmp_path / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "-a", app.config.name],
            env={**os.environ, "NBTASKS_KEY": KEY}, stdout=output, stderr=output,
        )  # fmt: skip
    place = wait_until(lambda: re.search(r"http://\S+", log.read_text()), "it serves")[0]
    text = urlopen(place).read().decode()  # noqa: S310 - it is our own
    process.terminate()
    assert process.wait(10) == 0
    assert "nbtasks_workers 1.0" in text
