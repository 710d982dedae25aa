"""Figures for Prometheus: what is there, read at each scrape, and what has happened, from events.

Needs `pip install "nbtasks[prometheus]"`. `nbtasks metrics` serves them.
"""

import logging
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol, Self

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from nbtasks.errors import StoreError, UnknownTask
from nbtasks.monitor.records import About, Records
from nbtasks.states import STATES
from nbtasks.store.backlog import Sources, head_ms, read_backlog
from nbtasks.store.fleet import live_workers
from nbtasks.store.keys import LIMITED
from nbtasks.store.store import Store, pauses
from nbtasks.store.tidings import Ended, Item, Retried, Sent, Tidings

logger = logging.getLogger(__name__)

BUCKETS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
"""Seconds."""

NAMES: Final = 200
QUEUES: Final = 50
OTHER: Final = "(other)"
"""Stands for names and queues above so many: labels without bounds are the end of Prometheus."""


class Connected(Protocol):
    """What has a store: an app."""

    @property
    def store(self) -> Store:
        """The store."""
        ...


class Labels(NamedTuple):
    """The labels of a record."""

    name: str
    queue: str


class Metrics(Collector):
    """Collects the figures of an app; `REGISTRY.register(Metrics(app).start())` serves them.

    Args:
        app: Which.
    """

    def __init__(self, app: Connected) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._tidings: Tidings | None = None
        self._records: Records | None = None
        self._names: set[str] = set()
        self._queues: set[str] = set()
        self._sent: dict[tuple[str, ...], int] = {}
        self._ended: dict[tuple[str, ...], int] = {}
        self._retried: dict[tuple[str, ...], int] = {}
        self._buckets: dict[tuple[str, ...], list[int]] = {}
        self._seconds: dict[tuple[str, ...], float] = {}
        self._missed = 0

    def start(self) -> Self:
        """Listen to events in a thread, until `stop`. What happened before is not counted.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        if self._thread is None:
            self._stop.clear()
            self._tidings = Tidings(self._app.store, with_bodies=False)
            self._thread = threading.Thread(target=self._run, name="nbtasks-metrics", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Listen no more."""
        self._stop.set()
        if self._tidings is not None:
            self._tidings.abort()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        tidings, waits, batch = self._tidings, pauses(), None
        while tidings is not None and not self._stop.is_set():
            try:
                # One that was read is not told again: it is kept until it is counted.
                batch = batch or tidings.read()
                self.count(batch.items)
                self._missed += batch.missed
                waits, batch = pauses(), None
            except StoreError as error:
                if not self._stop.is_set():
                    logger.warning("%s; trying again", error)
                    self._stop.wait(next(waits) / 1000)
        if tidings is not None:
            tidings.close()

    def count(self, items: Sequence[Item]) -> None:
        """Something has happened.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        records = self._records or Records(self._app.store)
        self._records = records
        records.hear(items)
        for item in items:
            match item:
                case Sent():
                    labels = self._labels(records.about(item.rid))
                    self._add(self._sent, labels, item.stop - item.start)
                case Retried():
                    self._add(self._retried, self._labels(records.about(item.rid)), 1)
                case Ended():
                    self._end(item, self._labels(records.about(item.rid)))
                case _:
                    pass

    def _end(self, item: Ended, labels: Labels) -> None:
        for code in set(item.states) & STATES.keys():
            self._add(self._ended, (str(STATES[code]), *labels), item.states.count(code))
        if item.worker:
            count, seconds = len(item.states), item.each_us / 1e6
            with self._lock:
                empty = [0] * (len(BUCKETS) + 1)
                counts = self._buckets.setdefault((labels.name,), empty)
                counts[bisect_left(BUCKETS, seconds)] += count
                total = self._seconds.get((labels.name,), 0.0)
                self._seconds[labels.name,] = total + seconds * count

    def _add(self, figures: dict[tuple[str, ...], int], key: tuple[str, ...], count: int) -> None:
        with self._lock:
            figures[key] = figures.get(key, 0) + count

    def _labels(self, about: About) -> Labels:
        name = _bounded(about.name, self._names, NAMES)
        return Labels(name, _bounded(about.queue, self._queues, QUEUES))

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering is not to ask Redis."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All figures; of what is there, only while Redis answers."""
        up = GaugeMetricFamily("nbtasks_up", "1 where Redis answers, else 0.")
        try:
            there = list(self._there())
            up.add_metric([], 1)
        except (StoreError, UnknownTask) as error:
            logger.warning("%s", error)
            there = []
            up.add_metric([], 0)
        yield up
        yield from there
        with self._lock:
            happened = list(self._happened())
        yield from happened

    def _there(self) -> Iterator[Metric]:
        store = self._app.store
        workers = live_workers(store)
        yield GaugeMetricFamily("nbtasks_workers", "Live workers.", len(workers))
        slots = sum(worker.concurrency for worker in workers)
        yield GaugeMetricFamily("nbtasks_slots", "Tasks that run at a time, at most.", slots)
        for name, key, text in (
            ("running", store.keys.lease, "Slices of tasks that workers have taken."),
            ("scheduled", f"{store.keys.prefix}sched", "Slices of tasks that wait for their time."),
            ("dead", f"{store.keys.prefix}dead", "Tasks that were given up."),
        ):
            count = store.call("ZCARD", key) - (store.call("ZSCORE", key, LIMITED) is not None)
            yield GaugeMetricFamily(f"nbtasks_{name}", text, count)
        queues = {queue for worker in workers for queue in worker.queues} | self._queues - {OTHER}
        yield from self._lengths(store, sorted(queues)[:QUEUES])

    def _lengths(self, store: Store, queues: list[str]) -> Iterator[Metric]:
        length = GaugeMetricFamily("nbtasks_queue_length", "Tasks that wait.", labels=["queue"])
        age = GaugeMetricFamily(
            "nbtasks_queue_head_age_seconds",
            "How long ago what is taken next was sent.",
            labels=["queue"],
        )
        lists = frozenset(name for queue in queues for name in (queue, f"{queue}{LIMITED}"))
        waiting = read_backlog(store, sources=Sources(lists, is_whole=False)).waiting
        seconds, micros = store.call("TIME")
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        for queue in queues:
            length.add_metric([queue], waiting.get(queue, 0))
            sent_ms = head_ms(store, queue)
            age.add_metric([queue], max(0, now_ms - sent_ms) / 1000 if sent_ms else 0)
        yield length
        yield age

    def _happened(self) -> Iterator[Metric]:
        for name, text, labels, figures in (
            ("tasks_sent", "Tasks that were sent.", ["name", "queue"], self._sent),
            ("tasks", "Tasks that have ended.", ["state", "name", "queue"], self._ended),
            ("task_retries", "Failed tries of tasks.", ["name", "queue"], self._retried),
        ):
            family = CounterMetricFamily(f"nbtasks_{name}", text, labels=labels)
            for key, count in figures.items():
                family.add_metric(key, count)
            yield family
        text = "How long tasks have run; of short ones the mean of those handed in together."
        runtime = HistogramMetricFamily("nbtasks_task_runtime_seconds", text, labels=["name"])
        bounds = [*map(str, BUCKETS), "+Inf"]
        for key, counts in self._buckets.items():
            sums = [sum(counts[: at + 1]) for at in range(len(counts))]
            runtime.add_metric(key, list(zip(bounds, sums, strict=True)), self._seconds[key])
        yield runtime
        text = "How often events were missed: figures before and after do not compare."
        yield CounterMetricFamily("nbtasks_events_missed", text, self._missed)


def _bounded(label: str, known: set[str], limit: int) -> str:
    if label not in known:
        if len(known) >= limit:
            return OTHER
        known.add(label)
    return label
