"""`%tasks` without a word: a table of what this notebook has sent, live; or of everybody's."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final, cast

from IPython.core.error import UsageError
from IPython.display import DisplayHandle
from IPython.display import display as _untyped_display  # pyright: ignore[reportUnknownVariableType]

from nbtasks.errors import NbTasksError
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.frontend import is_stable, resolve_view
from nbtasks.notebook.listing import View, choose, count_of, task_table
from nbtasks.notebook.sent import Sent
from nbtasks.notebook.session import MAX_TASKS, Session
from nbtasks.notebook.vocabulary import STATES
from nbtasks.notebook.words import clean, duration
from nbtasks.record import Header
from nbtasks.spelling import nearest
from nbtasks.states import STATES as STATE_OF
from nbtasks.states import is_finished
from nbtasks.store.roll import newest
from nbtasks.store.store import Snapshot

SHOWN: Final = 20
SEARCHED: Final = 1000
"""Of everybody's tasks, where only some are wanted: how many of the newest are looked at."""

_NAME: Final = 40

_display = cast("Callable[..., DisplayHandle | None]", _untyped_display)


class Overview:
    """Shows tables of tasks; of one kernel only the last one is live.

    Args:
        session: What this kernel has sent.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._live: LiveTable | None = None

    def show(self, options: Mapping[str, Any]) -> None:
        """Show what the options of `%tasks` say.

        Raises:
            UsageError: There is no such state.
        """
        state = options.get("state", "").upper()
        if state and state not in STATES:
            raise UsageError(f"there is no state {state!r}{nearest(state, list(STATES))}")
        tag, limit = options.get("tag", ""), options.get("lines", SHOWN)
        if self._live is not None:
            self._live.close()
            self._live = None
        if options.get("all"):
            _display(self._of_all(limit, state, tag))
            return
        session = self._session
        session.recall(limit=MAX_TASKS if state or tag else limit)
        tagged = [sent for sent in session.sent if not tag or tag in sent.tags]
        chosen = choose(tagged, limit=limit, state=state)
        if all(map(is_over, chosen)) or resolve_view("auto") == "text":
            _display(task_table(chosen, of=len(session.sent), state=state))
            return
        self._live = LiveTable(chosen, session.feed())

    def _of_all(self, limit: int, state: str, tag: str) -> View:
        app = self._session.app
        roll = newest(app.store, SEARCHED if state or tag else limit)
        now = app.clock.wall_ms()
        rows = [
            row
            for rid, found in roll.records
            if (row := _row(rid, found, now, state, tag)) is not None
        ][:limit]
        of = f"{roll.count:,}" if roll.is_whole else f"more than {roll.count:,}"
        head = f"{count_of(len(rows), 'task')} of {of} stored, of everybody"
        columns = ("name", "state", "done", "queue", "from", "sent", "id")
        return View(head, columns[: 3 if is_stable() else None], rows)


def _row(rid: str, found: Snapshot, now: int, state: str, tag: str) -> Sequence[str] | None:
    """A record of anybody as a line; None where it is not wanted."""
    try:
        header = Header.decode(found.header)
    except NbTasksError:  # of another version
        return None
    counts: dict[str, int] = {}
    for code in set(found.states) & STATE_OF.keys():
        name = str(STATE_OF[code])
        counts[name] = counts.get(name, 0) + found.states.count(code)
    tags: Any = header.stamps.get("tag", ())
    if (state and state not in counts) or (tag and tag not in tags):
        return None
    total = len(found.states)
    done = sum(1 for code in found.states if is_finished(code))
    words = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    row = (
        clean(header.title, _NAME),
        words if total > 1 else "".join(counts),
        f"{done} of {total}",
    )
    if is_stable():
        return row
    age = f"{duration(max(0, now - found.submitted_ms))} ago"
    return (*row, found.queue, _place(header.stamps.get("origin")), age, rid)


def _place(origin: object) -> str:
    """The name of the notebook that has sent it, as far as it says."""
    path = (
        cast("Mapping[str, object]", origin).get("notebook") if isinstance(origin, Mapping) else ""
    )
    return clean(PurePath(str(path or "")).name, _NAME)


class LiveTable:
    """A table of things sent, under the cell, until all of it has ended.

    Args:
        sent: What is in it.
        feed: The one feed of this kernel.
    """

    least_gap_ms = 1000.0

    def __init__(self, sent: Sequence[Sent], feed: Feed) -> None:
        self._sent = sent
        self._feed = feed
        records = {record.rid: record for each in sent for record in each.result.sent}
        self._records = list(records.values())
        self._dirty = [record.dirty_set() for record in self._records]
        self._handle = _display(self._view(), display_id=True)
        feed.add(self)

    def has_news(self) -> bool:
        """Whether something in it has changed."""
        return any(self._dirty)

    def send(self, now_ms: float) -> None:  # noqa: ARG002 - the feed's
        """Bring it up to date."""
        for dirty in self._dirty:
            dirty.clear()
        if self._handle is not None:
            self._handle.update(self._view())

    def settle(self, now_ms: float) -> float | None:
        """After the end it stays as it is."""
        if not self.has_news() and all(map(is_over, self._sent)):
            self.send(now_ms)
            self.close()
        return None

    def close(self) -> None:
        """Follow the tasks no more."""
        self._feed.remove(self)
        for record, dirty in zip(self._records, self._dirty, strict=True):
            record.drop_dirty_set(dirty)

    def _view(self) -> View:
        return task_table(self._sent, of=len(self._sent))


def is_over(sent: Sent) -> bool:
    """Whether nothing of it can change any more."""
    return all(record.is_done(None) for record in sent.result.sent)
