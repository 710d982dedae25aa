"""A worker as a line of a table, in a notebook and in a terminal; needs no Jupyter."""

from collections.abc import Sequence
from typing import Final

from nbtasks.notebook.words import clean, duration
from nbtasks.store.fleet import WorkerFacts

TASKS_SHOWN: Final = 3
COLUMNS: Final = ("worker", "host", "pid", "queues", "busy", "up for", "Python", "nbtasks", "runs")
GONE: Final = ("gone", *[""] * 6)
"""What stands between the name of a worker that is gone and what waits for it."""


def worker_row(worker: WorkerFacts, tasks: Sequence[str], now_ms: float) -> tuple[str, ...]:
    """What it is and what it runs; a cell for each of `COLUMNS`."""
    runs = ", ".join(counted(tasks)) or ("nothing" if not worker.is_ending else "ending")
    return (
        worker.name,
        worker.host,
        str(worker.pid),
        ", ".join(worker.queues),
        f"{min(len(tasks), worker.concurrency)} of {worker.concurrency}",
        duration(now_ms - worker.since_ms) if worker.since_ms else "?",
        worker.python,
        worker.version or "?",
        f"{runs}, then it ends" if worker.is_ending and tasks else runs,
    )


def counted(tasks: Sequence[str]) -> list[str]:
    """Their names, each once with how often, and of how many more there is no room."""
    names = list(dict.fromkeys(tasks))
    counts = [(clean(name, 40), tasks.count(name)) for name in names[:TASKS_SHOWN]]
    shown = [f"{count} × {name}" if count > 1 else name for name, count in counts]
    return [*shown, f"… {len(names) - TASKS_SHOWN} more"] if len(names) > TASKS_SHOWN else shown
