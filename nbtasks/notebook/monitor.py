"""Monitor: queues, workers, the server, and what ran in the last minute, as one widget."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from nbtasks.app import App
from nbtasks.clock import Clock
from nbtasks.monitor.figures import Figures, QueueFigures, WorkerFigures
from nbtasks.monitor.hands import InHand
from nbtasks.monitor.timeline import Bar
from nbtasks.monitor.watching import Watch
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.heard import Answer, Message
from nbtasks.notebook.listing import count_of
from nbtasks.notebook.monitor_acts import ACTS, act
from nbtasks.notebook.monitor_tables import monitor_html, monitor_text, running_words
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.tally import (
    CODE_FAILURE,
    CODE_PENDING,
    CODE_RETRY,
    CODE_REVOKED,
    CODE_STARTED,
    CODE_SUCCESS,
)
from nbtasks.notebook.words import clean
from nbtasks.record import DIRECT
from nbtasks.states import FAILURE, IGNORED, RETRY, REVOKED, SUCCESS
from nbtasks.store.fleet import WorkerFacts
from nbtasks.store.hour import Point
from nbtasks.store.limits import Limit

MOST_QUEUES: Final = 60
MOST_WORKERS: Final = 60
MOST_LIMITS: Final = 60
MOST_TASKS: Final = 64
"""Of one worker."""

NAME: Final = 60
_LATENCIES: Final = 15

_CODES: Final = {
    SUCCESS: CODE_SUCCESS,
    IGNORED: CODE_SUCCESS,
    FAILURE: CODE_FAILURE,
    RETRY: CODE_RETRY,
    REVOKED: CODE_REVOKED,
}
_ACTED: Final = (CODE_STARTED, CODE_FAILURE)
"""Something can be done with such a bar, so its id is told."""

Gone = Callable[[Sequence[WorkerFacts]], Mapping[str, int]]


class Monitor(Standing):
    """Shows an app as a whole.

    Args:
        app: Which.
        feed: The one feed of this kernel.
        gone: Told who lives, says how many tasks wait for workers that do not, by their names.
        clock: Where the time comes from.
    """

    kind = "monitor"
    title = "Monitor"
    caps = ACTS

    def __init__(
        self, app: App, feed: Feed, *, gone: Gone = lambda _: {}, clock: Clock | None = None
    ) -> None:
        super().__init__(feed, clock)
        self._app = app
        self._gone = gone
        self._watch = Watch(app.store, self._hear_news)
        self._latencies: list[float] = []
        self._bars: list[Bar] = []
        self._skew_ms = 0.0
        self._watch.look()
        self._facts = self._read()

    # What it tells.

    def _hear_news(self) -> None:
        facts = self._read()
        with self._lock:
            self._bars += self._watch.fresh_bars()
        self._tell(facts)

    def _read(self) -> Message:
        figures = self._watch.figures
        self._skew_ms = figures.at_ms - self._clock.wall_ms()
        rates = self._watch.rates(figures.at_ms)
        self._latencies = [*self._latencies[1 - _LATENCIES :], figures.latency_ms]
        memory = figures.memory
        return {
            "error": clean(self._watch.error),
            "totals": _totals(figures, rates),
            "server": {
                "latency": round(median(self._latencies), 1),
                "memory": [round(bytes_, -4) for bytes_ in memory] if memory else None,
            },
            "queues": [_queue(queue, rates) for queue in _busiest(figures)],
            "workers": [_worker(each) for each in figures.workers[:MOST_WORKERS]],
            "tasks": [_tasks(name, found) for name, found in self._watch.in_hand.items()],
            "limits": [_limit(limit) for limit in figures.limits[:MOST_LIMITS]],
            "hour": [_point(point) for point in self._watch.hour],
            "gone": [[clean(name, NAME), left] for name, left in self._waiting().items()],
            "more": {
                "queues": max(0, len(figures.queues) - MOST_QUEUES),
                "workers": max(0, len(figures.workers) - MOST_WORKERS),
                "limits": max(0, len(figures.limits) - MOST_LIMITS),
            },
        }

    def _more(self, *, is_whole: bool) -> Message:
        bars = self._watch.bars(self._now_ms()) if is_whole else self._bars
        if not is_whole:
            self._bars = []
        return {"bars": [_bar(bar) for bar in bars]}

    def _is_changed(self) -> bool:
        return bool(self._bars) or super()._is_changed()

    def _now_ms(self) -> float:
        return self._clock.wall_ms() + self._skew_ms

    def _static(self) -> dict[str, Any]:
        figures, gone = self._watch.figures, self._waiting()
        return {"text/html": monitor_html(figures, gone), "text/plain": monitor_text(figures, gone)}

    def _waiting(self) -> Mapping[str, int]:
        return self._gone([worker.facts for worker in self._watch.figures.workers])

    def _again(self) -> str:
        return "%workers"

    def _text_start(self) -> str:
        return count_of(len(self._watch.figures.workers), "worker")

    # What is done with it.

    def _set_looked_at(self, *, is_looked_at: bool) -> None:
        if is_looked_at:
            self._watch.follow()
        else:
            self._watch.rest()

    def stop(self) -> None:
        """Leave it as it is now, as static HTML."""
        self._watch.stop()
        super().stop()

    def _do(self, content: Mapping[str, Any]) -> Answer | None:
        said: str | None = ""
        match content:
            case {"t": "open", "worker": str(worker), "on": bool(is_open)}:
                self._watch.set_open(worker, is_open=is_open)
            case _:
                said = act(self._app, content)
        if said is None:
            return None
        self._watch.look()
        self._hear_news()
        return "", {"said": clean(said)}


def _totals(figures: Figures, rates: Mapping[str, float]) -> Message:
    return {
        "waiting": figures.waiting,
        "scheduled": figures.scheduled,
        "dead": figures.dead,
        "busy": figures.busy,
        "slots": figures.slots,
        "workers": len(figures.workers),
        "sent": rates.get("sent", 0.0),
        "done": rates.get("done", 0.0),
        "failed": rates.get("failed", 0.0),
    }


def _busiest(figures: Figures) -> list[QueueFigures]:
    """The queues, by name; of too many those where most waits."""
    shown = [q for q in figures.queues if q.waiting or not q.name.startswith(DIRECT)]
    chosen = sorted(shown, key=lambda queue: -queue.waiting)[:MOST_QUEUES]
    return sorted(chosen, key=lambda queue: queue.name)


def _queue(queue: QueueFigures, rates: Mapping[str, float]) -> Message:
    return {
        "name": queue.name,
        "waiting": queue.waiting,
        "oldest": queue.oldest_ms,
        "paused": queue.paused_ms,
        "workers": queue.workers,
        "sent": rates.get(f"sent {queue.name}", 0.0),
        "done": rates.get(f"done {queue.name}", 0.0),
    }


def _tasks(worker: str, found: Sequence[InHand]) -> Message:
    rows = [
        [
            task.task_id, clean(task.name, NAME), CODE_STARTED if task.is_running else CODE_PENDING,
            task.began_ms, task.retries, task.pid,
        ]
        for task in found[:MOST_TASKS]
    ]  # fmt: skip
    return {"worker": worker, "rows": rows, "more": len(found) - len(rows)}


def _limit(limit: Limit) -> Message:
    return {"task": limit.task, "rate": limit.rate, "paused": limit.paused_ms}


def _worker(worker: WorkerFigures) -> Message:
    facts, stats = worker.facts, worker.stats
    return {
        "key": facts.name,  # whole: two that are cut may look the same
        "name": clean(facts.name, NAME),
        "host": clean(facts.host, NAME),
        "pid": facts.pid,
        "python": clean(facts.python, NAME),
        "version": clean(facts.version, NAME),
        "queues": [clean(queue, NAME) for queue in facts.queues],
        "slots": facts.concurrency,
        "busy": worker.busy,
        "runs": running_words(worker.runs),
        "cpu": _number(stats.get("cpu")),
        "rss": _number(stats.get("rss")),
        "rate": _number(stats.get("rate")),
        "since": facts.since_ms,
        "seen": worker.seen_ms,
        "ends": facts.is_ending,
    }


def _point(point: Point) -> list[float]:
    return [point.at_ms, point.done, point.failed, point.busy, point.slots, point.waiting]


def _number(value: object) -> float:
    """Whoever writes to Redis may write anything."""
    return float(value) if isinstance(value, (int, float)) else 0.0


def _bar(bar: Bar) -> list[Any]:
    code = _CODES.get(bar.state, CODE_STARTED)
    worker, name = clean(bar.worker, NAME), clean(bar.name, NAME)
    task_id = bar.task_id if code in _ACTED else ""
    return [bar.id, worker, bar.row, bar.start_ms, bar.end_ms, code, bar.n, name, task_id]
