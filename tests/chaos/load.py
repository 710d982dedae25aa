"""What is submitted: a seed -> batches of tasks (pure), and the thread that submits them."""

import random
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chaos import deeds
from chaos.plan import Storm
from nbtasks import chord, group
from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.errors import StoreFull
from nbtasks.live import LiveRecord
from nbtasks.store.store import CHUNK
from nbtasks.task import Task

LARGE = 200_000
LONG_MS = 500
SINGLES = 0.25
"""How many batches are one task, sent by itself."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task: its part of all, the largest group, what it is to end as, how often it runs.

    Attributes:
        share: Its part of all tasks.
        least: The smallest group; where it is more than 1, none is sent by itself.
        most: The largest group.
        arguments: Those after the task's number.
        value: What it returns.
        error: What it fails with.
        runs: How many executions it takes.
        options: Of the task.
        call: Of each call.
        is_revoked: Its groups are revoked once they are sent; some of the tasks are quicker.
        function: What it does.
    """

    share: float
    most: int
    arguments: Callable[[random.Random], tuple[Any, ...]] = lambda _: ()
    value: Callable[..., Any] = lambda number, *_: number * 7
    error: str = ""
    runs: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    is_revoked: bool = False
    least: int = 1
    function: Callable[..., Any] = deeds.instant


def _some_ms(chance: random.Random) -> tuple[int]:
    return (chance.randint(1, 50),)


def _data(chance: random.Random) -> tuple[bytes]:
    return (chance.randbytes(1000) * (LARGE // 1000),)


KINDS = {
    "instant": Kind(0.17, 500),
    # Sent in several calls: what if Redis goes away between them?
    "many": Kind(0.08, 3000, least=CHUNK + 1),
    "wait": Kind(0.30, 100, _some_ms, function=deeds.wait),
    # What runs so long is hit by several kills, by chance: that must not end it.
    "long": Kind(
        0.02, 5, lambda _: (LONG_MS,), function=deeds.wait, options={"max_deliveries": 50}
    ),
    "async": Kind(0.05, 50, _some_ms, function=deeds.wait_async),
    "flaky": Kind(
        0.08, 20, function=deeds.flaky, runs=1 + deeds.RETRIES,
        options={"bind": True, "max_retries": 2 * deeds.RETRIES, "default_retry_delay": 0.05},
    ),
    "delayed": Kind(0.03, 20, call={"countdown": 0.3}),
    "revoked": Kind(0.03, 40, _some_ms, is_revoked=True, function=deeds.wait),
    "failing": Kind(0.03, 10, function=deeds.fail, error="Trouble"),
    "telling": Kind(0.08, 10, function=deeds.tell, options={"bind": True}),
    "bulky": Kind(0.03, 20, value=deeds.bulk, function=deeds.produce),
    "large": Kind(
        0.03, 10, _data, lambda number, data: [number * 7, len(data), zlib.crc32(data)],
        function=deeds.weigh,
    ),
    # The header of a chord. A body of none would tell of its loss, and not of the chord's.
    "header": Kind(
        0.07, 20, _some_ms, least=2, function=deeds.wait, options={"max_deliveries": 50}
    ),
}  # fmt: skip
BODY = Kind(
    0.0,
    1,
    value=lambda _, first, stop: [number * 7 for number in range(first, stop)],
    function=deeds.take_all,
    options={"max_deliveries": 50},
)
"""Comes right after a header."""

PILL = Kind(0.0, 1, function=deeds.poison, error="WorkerLost", runs=0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls of one kind that are sent together: the arguments of each, its number first."""

    kind: str
    calls: list[tuple[Any, ...]]

    @property
    def first(self) -> int:
        """The number of its first task."""
        return self.calls[0][0]


def kind_of(name: str) -> Kind:
    """A kind by its name."""
    return {**KINDS, "pill": PILL, "body": BODY}[name]


def batches(storm: Storm) -> Iterator[Batch]:
    """The tasks of a storm, numbered from 0, in the order they are sent."""
    chance = random.Random(f"load {storm.seed}")
    pills = set(chance.sample(range(1, storm.tasks), storm.pills))
    names = ["header"] if storm.is_of_chords else list(KINDS)
    # A kind whose batches are larger is chosen less often.
    weights = [KINDS[name].share / (1 + KINDS[name].most) for name in names]
    number = 0
    while number < storm.tasks:
        if number in pills:
            yield Batch("pill", [(number,)])
            number += 1
            continue
        (name,) = chance.choices(names, weights)
        kind = KINDS[name]
        is_single = kind.least == 1 and chance.random() < SINGLES
        size = 1 if is_single else chance.randint(kind.least, kind.most)
        end = min(storm.tasks, number + size, *(pill for pill in pills if pill > number))
        if name == "header" and end - number > 1:
            end -= 1  # that is the body
            yield Batch(name, _calls(kind, number, end, chance))
            yield Batch("body", [(end, number, end)])
            number = end + 1
        else:
            name = "instant" if name == "header" else name
            yield Batch(name, _calls(kind_of(name), number, end, chance))
            number = end


def _calls(kind: Kind, first: int, stop: int, chance: random.Random) -> list[tuple[Any, ...]]:
    return [(number, *kind.arguments(chance)) for number in range(first, stop)]


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a batch went: member i of the record is its call i."""

    batch: Batch
    record: LiveRecord

    @property
    def numbers(self) -> list[int]:
        """Those of its tasks."""
        return [call[0] for call in self.batch.calls]


class Load:
    """Submits batch after batch in a thread, never more than `window` tasks ahead of `allow`."""

    def __init__(self, app: App, storm: Storm, window: int) -> None:
        self.sent: list[Sent] = []
        self.refused = 0
        self._clock = SystemClock()
        self.error: BaseException | None = None
        self._batches = batches(storm)
        self._window = window
        self._allowed = window
        self._more = threading.Condition()
        self._tasks = {name: _task(app, name) for name in (*KINDS, "pill", "body")}
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is submitted."""
        return not self._thread.is_alive()

    @property
    def submitted(self) -> int:
        """Of how many tasks the submit has returned."""
        return sum(sent.record.n for sent in list(self.sent))

    @property
    def finished(self) -> int:
        """How many tasks have ended, as far as their client knows, or are gone from the store."""
        records = [sent.record for sent in list(self.sent)]
        return sum(record.n - record.left * (not record.missing) for record in records)

    def allow(self, number: int) -> None:
        """So many tasks are done with: go on from there."""
        with self._more:
            self._allowed = number + self._window
            self._more.notify()

    def _run(self) -> None:
        try:
            for batch in self._batches:
                self._wait(batch.first)
                if batch.kind == "header":
                    self.sent += self._send_chord(batch, next(self._batches))
                else:
                    self.sent.append(self._send(batch))
        except BaseException as error:  # noqa: BLE001 - the storm tells of it
            self.error = error

    def _wait(self, number: int) -> None:
        with self._more:
            self._more.wait_for(lambda: number <= self._allowed)

    def _send(self, batch: Batch) -> Sent:
        task, kind = self._tasks[batch.kind], kind_of(batch.kind)
        calls = [task.s(*call).set(**kind.call) for call in batch.calls]
        result = self._until_there_is_room(lambda: group(calls).apply_async())
        if kind.is_revoked:
            result.revoke(terminate=True)
        return Sent(batch, result.records[0])

    def _send_chord(self, header: Batch, body: Batch) -> list[Sent]:
        calls = [self._tasks["header"].s(*call) for call in header.calls]
        last = self._tasks["body"].s(*body.calls[0])
        result = self._until_there_is_room(lambda: chord(calls, last).apply_async())
        return [Sent(header, result.parent.records[0]), Sent(body, result.records[0])]

    def _until_there_is_room(self, send: Callable[[], Any]) -> Any:
        """Send, again and again while Redis has no memory: a refused submit leaves nothing."""
        while True:
            try:
                return send()
            except StoreFull:
                self.refused += 1
                self._clock.pause(50)


def _task(app: App, name: str) -> Task[..., Any]:
    kind = kind_of(name)
    retries = {"autoretry_for": (deeds.Trouble,)} if kind.options.get("max_retries") else {}
    return app.task(name=f"chaos.{name}", **kind.options, **retries)(kind.function)
