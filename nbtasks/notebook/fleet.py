"""Workers by their names, as they are typed."""

from collections.abc import Sequence

from IPython.core.error import UsageError

from nbtasks.spelling import nearest
from nbtasks.store.fleet import WorkerFacts


def find_worker(name: str, workers: Sequence[WorkerFacts]) -> WorkerFacts:
    """A live worker by its name, or by the part of it before the `@` where that is enough.

    Raises:
        UsageError: There is none; the message has the nearest one.
    """
    found = [worker for worker in workers if name == worker.name]
    found = found or [worker for worker in workers if name == worker.name.partition("@")[0]]
    if len(found) == 1:
        return found[0]
    if not workers:
        raise UsageError(f"there is no worker {name!r}, nor any other: %workers start")
    known = sorted({worker.name for worker in workers})
    short = [each.partition("@")[0] for each in known]
    near = nearest(name, short if "@" not in name and len({*short}) == len(known) else known)
    raise UsageError(f"there is no worker {name!r}{near}")
