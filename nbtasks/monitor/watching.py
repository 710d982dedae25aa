"""Following an app as a whole: what there is, read each second, and what happens, from events."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from nbtasks.errors import StoreError
from nbtasks.monitor.figures import Figures, read_figures
from nbtasks.monitor.hands import InHand, tasks_in_hand
from nbtasks.monitor.records import About, Records
from nbtasks.monitor.timeline import Bar, Timeline
from nbtasks.states import FAILURE, IGNORED, SUCCESS
from nbtasks.store.backlog import Sources, find_sources
from nbtasks.store.facts import describe
from nbtasks.store.hour import Point, read_hour
from nbtasks.store.store import Store, pauses
from nbtasks.store.tidings import Began, Ended, Item, Sent, Tidings

logger = logging.getLogger(__name__)

LOOK_MS: Final = 1000.0
"""How often figures are read."""

SEARCH_MS: Final = 30_000.0
"""How often queues are looked for that nobody names: it is a walk over the keys."""

HOUR_MS: Final = 10_000.0
"""How often the history is read: it has a new point each half minute."""

EVENTS_MS: Final = 250
"""Events are read so often at most, many at a time."""

COUNT: Final = 1000
KEPT_QUEUES: Final = 200
RATE_S: Final = 5

_DONE: Final = frozenset((SUCCESS, FAILURE, IGNORED))


class Rates:
    """How many tasks a second: over the last whole seconds, by what is counted."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, Counter[str]]] = deque(maxlen=RATE_S + 1)

    def add(self, at_ms: float, what: str, count: int) -> None:
        """So many more of it at a time."""
        second = int(at_ms // 1000)
        if not self._seconds or self._seconds[-1][0] < second:
            self._seconds.append((second, Counter()))
        self._seconds[-1][1][what] += count

    def per_second(self, now_ms: float) -> Counter[str]:
        """The rates now, in tenths."""
        now, found = int(now_ms // 1000), Counter[str]()
        for second, counts in self._seconds:
            if now - RATE_S <= second < now:
                found.update(counts)
        return found


class Watch:
    """Follows an app in a thread of its own while somebody looks.

    Args:
        store: Of which app.
        changed: Called from the thread when there is something new.
    """

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_wanted = self._is_over = False
        self._thread: threading.Thread | None = None
        self._tidings: Tidings | None = None
        self._is_behind = True
        self._records = Records(store)
        self._timeline = Timeline()
        self._rates = Rates()
        self._queues: dict[str, None] = {}
        self._sources: tuple[float, Sources] | None = None
        self._looked_ms = 0.0
        self._hour_ms = -HOUR_MS - 1
        self.hour: Sequence[Point] = ()
        self._opened: set[str] = set()
        self.in_hand: Mapping[str, Sequence[InHand]] = {}
        self._figures: Figures | None = None
        self.error = ""

    # For those who look.

    def look(self) -> Figures:
        """What there is now.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        now = self._store.clock.tick_ms()
        if self._sources is None or now - self._sources[0] > SEARCH_MS:
            self._sources = now, find_sources(self._store)
        with self._lock:
            known = list(self._queues)
        figures = read_figures(self._store, known, self._sources[1])
        opened = [each.facts for each in figures.workers if each.facts.name in self._opened]
        self.in_hand = tasks_in_hand(self._store, opened)
        if now - self._hour_ms > HOUR_MS:
            self.hour, self._hour_ms = read_hour(self._store, figures.at_ms), now
        self._figures, self._looked_ms = figures, now
        return figures

    def set_open(self, worker: str, *, is_open: bool) -> None:
        """Whether the tasks that it has in hand are wanted one by one, from the next look on."""
        (self._opened.add if is_open else self._opened.discard)(worker)

    @property
    def figures(self) -> Figures:
        """What there was when it was looked last."""
        return self._figures or self.look()

    def rates(self, now_ms: float) -> dict[str, float]:
        """Tasks a second: `sent`, `done`, `failed`, and of queue q `sent q` and `done q`."""
        with self._lock:
            return {key: n / RATE_S for key, n in self._rates.per_second(now_ms).items()}

    def fresh_bars(self) -> Sequence[Bar]:
        """What of the timeline has changed since the last call."""
        with self._lock:
            return self._timeline.fresh()

    def bars(self, now_ms: float) -> Sequence[Bar]:
        """All of the timeline."""
        with self._lock:
            return self._timeline.shown(now_ms)

    def follow(self) -> None:
        """Somebody looks: follow from now on, until `rest` or `stop`."""
        if self._is_over:
            return
        self._is_wanted = True
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nbtasks-watch", daemon=True)
            self._thread.start()

    def rest(self) -> None:
        """Nobody looks: cost nothing until `follow`."""
        self._is_wanted = False

    def stop(self) -> None:
        """End the thread."""
        self._is_over, self._is_wanted = True, False
        self._wake.set()
        tidings, thread = self._tidings, self._thread
        if tidings is not None:
            tidings.abort()
        if thread is not None and thread is not threading.current_thread():
            thread.join(5)

    # The thread.

    def _run(self) -> None:
        waits = pauses()
        while self._is_to_go_on():
            try:
                if self._step():
                    self._changed()
                waits, self.error = pauses(), ""
            except StoreError as error:
                if self._is_ending():
                    break
                self._is_behind = True
                self.error = str(error)
                self._changed()
                self._wake.wait(next(waits) / 1000)
        self._leave()

    def _is_to_go_on(self) -> bool:
        """Wait until somebody looks; False where it is over."""
        if not self._is_wanted:
            self._leave()
            self._wake.wait()
        self._wake.clear()  # before it is asked: a stop sets it once more behind this
        return not self._is_over

    def _is_ending(self) -> bool:
        return self._is_over  # asked anew: another thread sets it

    def _step(self) -> bool:
        """Read what is due; whether there is something new."""
        if self._tidings is None:
            self._tidings = Tidings(self._store, with_bodies=False)
        if self._is_behind:
            self._catch_up()
            self._is_behind = False
        clock = self._store.clock
        left = self._looked_ms + LOOK_MS - clock.tick_ms()
        batch = self._tidings.read(max(1, int(left)), COUNT)
        items = batch.items
        self._is_behind = batch.missed
        self._records.hear(items)
        with self._lock:
            for item in items:
                self._count(item)
        is_due = clock.tick_ms() >= self._looked_ms + LOOK_MS
        if is_due:
            self.look()
        elif items:
            self._wake.wait(EVENTS_MS / 1000)
        return bool(items) or is_due

    def _catch_up(self) -> None:
        """What runs since before anybody listened has a bar, and what has ended meanwhile an end.

        It is looked at behind the first registration: what happens from now on is told.
        """
        figures = self.look()
        found = tasks_in_hand(self._store, [worker.facts for worker in figures.workers])
        running = {
            (task.rid, task.index): (worker, task)
            for worker, tasks in found.items()
            for task in tasks
            if task.began_ms
        }
        with self._lock:
            left = [key for key in self._timeline.running() if key not in running]
        stored = dict(describe(self._store, list({rid for rid, _ in left})))
        with self._lock:
            for rid, index in left:
                facts = stored[rid]
                state = facts.states[index : index + 1] if facts else b""
                self._timeline.end(rid, index, figures.at_ms, state[0] if state else 0)
            for worker, task in running.values():
                began = Began(figures.at_ms, task.rid, task.index, worker, task.began_ms)
                self._timeline.begin(began, About(task.name, "", task.n))

    def _count(self, item: Item) -> None:
        match item:
            case Sent():
                self._note(item.at_ms, "sent", item.queue, item.stop - item.start)
            case Ended():
                done = sum(item.states.count(state) for state in _DONE)
                queue = self._records.about(item.rid).queue
                self._note(item.at_ms, "done", queue, done)
                self._rates.add(item.at_ms, "failed", item.states.count(FAILURE))
            case _:
                pass
        self._timeline.hear(item, self._records.about(getattr(item, "rid", "")))

    def _note(self, at_ms: int, what: str, queue: str, count: int) -> None:
        self._rates.add(at_ms, what, count)
        if queue and len(self._queues) < KEPT_QUEUES:
            self._queues[queue] = None
        if queue in self._queues:
            self._rates.add(at_ms, f"{what} {queue}", count)

    def _leave(self) -> None:
        if self._tidings is not None:
            self._tidings.close()
            self._tidings = None
        self._is_behind = True
