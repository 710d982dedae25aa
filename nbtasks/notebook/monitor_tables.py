"""A monitor as tables: what a saved notebook keeps of it, and what a terminal shows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from nbtasks.monitor.figures import Figures, QueueFigures
from nbtasks.notebook.frontend import is_stable
from nbtasks.notebook.listing import View, count_of
from nbtasks.notebook.words import clean, duration, size
from nbtasks.notebook.worker_rows import COLUMNS, GONE, counted, worker_row
from nbtasks.record import DIRECT
from nbtasks.store.limits import Limit

MOST: Final = 100
"""Lines of a table."""

_QUEUE: Final = ("queue", "waiting", "oldest", "workers", "")
_LIMIT: Final = ("task", "rate", "")


def monitor_html(figures: Figures, gone: Mapping[str, int]) -> str:
    """Both tables, with what is there in all above; `gone`: how many tasks wait for whom."""
    return "".join(view.html() for view in _views(figures, gone))


def monitor_text(figures: Figures, gone: Mapping[str, int]) -> str:
    """The same as text; where outputs are to be the same in every run, without tables."""
    if is_stable():
        return count_of(len(figures.workers), "worker")
    return "\n\n".join(repr(view) for view in _views(figures, gone))


def running_words(tasks: Sequence[str]) -> str:
    """What a worker runs, by name."""
    return ", ".join(counted(tasks))


def _views(figures: Figures, gone: Mapping[str, int]) -> Iterator[View]:
    workers = [worker_row(each.facts, each.runs, figures.at_ms) for each in figures.workers[:MOST]]
    workers += [(name, *GONE, f"{count_of(left, 'task')} wait") for name, left in gone.items()]
    yield View(_head(figures), COLUMNS, workers)
    queues = [
        _queue_row(queue, figures.at_ms)
        for queue in figures.queues[:MOST]
        if (queue.waiting or queue.paused_ms) and not queue.name.startswith(DIRECT)
    ]
    if queues or figures.scheduled:
        yield View(_waiting(figures), _QUEUE, queues)
    if figures.limits:
        rows = [_limit_row(limit, figures.at_ms) for limit in figures.limits[:MOST]]
        yield View("Limits that were set at run time", _LIMIT, rows)


def _head(figures: Figures) -> str:
    there = count_of(len(figures.workers), "worker")
    busy = f"{there}, {figures.busy} of {figures.slots} busy"
    return (
        busy if figures.workers else f"{there}: %workers start 2, or nbtasks worker in a terminal"
    )


def _waiting(figures: Figures) -> str:
    parts = [f"{count_of(figures.waiting, 'task')} waiting"]
    if figures.scheduled:
        parts.append(f"{figures.scheduled:,} scheduled")
    if figures.dead:
        parts.append(f"{figures.dead:,} dead")
    if figures.memory is not None:
        used, most = figures.memory
        parts.append(f"Redis uses {size(used)}{f' of {size(most)}' if most else ''}")
    return ", ".join(parts)


def _queue_row(queue: QueueFigures, now_ms: float) -> tuple[str, ...]:
    return (
        clean(queue.name, 60),
        f"{queue.waiting:,}",
        duration(now_ms - queue.oldest_ms) if queue.oldest_ms else "",
        str(queue.workers),
        _paused(queue.paused_ms, now_ms),
    )


def _limit_row(limit: Limit, now_ms: float) -> tuple[str, ...]:
    rate = "none" if limit.rate == "0" else limit.rate
    return (clean(limit.task, 60), rate, _paused(limit.paused_ms, now_ms))


def _paused(since_ms: int, now_ms: float) -> str:
    return f"paused for {duration(now_ms - since_ms)}" if since_ms else ""
