"""`app.events`: what happens to all tasks and workers of an app, as it happens."""

import logging
from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any, Final

from nbtasks.monitor.event_dicts import Event, EventDicts
from nbtasks.monitor.records import Records
from nbtasks.monitor.state import State
from nbtasks.store.fleet import live_workers
from nbtasks.store.tidings import Tidings
from nbtasks.submitting import Submitter

logger = logging.getLogger(__name__)

ALL: Final = "*"
_READ_MS: Final = 500

Handler = Callable[[Event], Any]


class Receiver:
    """Calls handlers with events, each with those of its type, and `*` with all others.

    Args:
        app: Whose.
        handlers: Functions by type of event, such as `task-failed`.

    Attributes:
        should_stop: Set it, from a handler or another thread, to end `capture`.
        missed: How often events were lost before this could read them.
    """

    def __init__(self, app: Submitter, handlers: Mapping[str, Handler]) -> None:
        self._app = app
        self.handlers = dict(handlers)
        self.should_stop = False
        self.missed = 0

    def capture(
        self, limit: int | None = None, timeout: float | None = None, *, wakeup: bool = True
    ) -> None:
        """Handle events as they come; those from before are not known.

        Args:
            limit: How many; None for any number.
            timeout: Seconds without any event after which it gives up; None for never.
            wakeup: Begin with an event for each worker that is there.

        Raises:
            TimeoutError: Nothing came for so long.
            StoreUnavailable: Redis does not answer.
        """
        for _ in self.itercapture(limit, timeout, wakeup=wakeup):
            pass

    def itercapture(
        self, limit: int | None = None, timeout: float | None = None, *, wakeup: bool = True
    ) -> Iterator[Event]:
        """The same, event by event: each is given when its handler has returned.

        Raises:
            TimeoutError: Nothing came for so long.
            StoreUnavailable: Redis does not answer.
        """
        left = inf if limit is None else limit
        self.should_stop = False
        for event in self._events(timeout, wakeup=wakeup):
            self.process(event["type"], event)
            yield event
            left -= 1
            if left <= 0 or self.should_stop:
                return

    def process(self, type: str, event: Event) -> None:  # noqa: A002 - Celery's
        """Call the handler of an event."""
        handler = self.handlers.get(type) or self.handlers.get(ALL)
        if handler is not None:
            handler(event)

    def _wants(self, kind: str) -> bool:
        return kind in self.handlers or ALL in self.handlers

    def _events(self, timeout: float | None, *, wakeup: bool) -> Iterator[Event]:
        app, store = self._app, self._app.connection.store
        records = Records(store)
        dicts = EventDicts(records, app.connection.signer, app.codec, self._wants)
        tidings = Tidings(store)
        try:
            if wakeup and self._wants("worker-heartbeat"):
                for worker in live_workers(store):
                    yield dicts.heartbeat(worker, app.clock.wall_ms())
            last = app.clock.tick_ms()
            while not self.should_stop:
                batch = tidings.read(_READ_MS)
                records.hear(batch.items)
                if batch.missed:
                    self.missed += 1
                    logger.warning("events were lost before they could be read")
                for item in batch.items:
                    yield from dicts.of(item)
                now = app.clock.tick_ms()
                if batch.items:
                    last = now
                elif timeout is not None and now - last >= timeout * 1000:
                    raise TimeoutError(f"no event came for {timeout:g} s")
        finally:
            tidings.close()


class Events:
    """What `app.events` is: makes receivers, and models of what they hear.

    Args:
        app: Whose.
    """

    def __init__(self, app: Submitter) -> None:
        self._app = app

    def Receiver(  # noqa: N802 - Celery's name
        self,
        connection: object = None,  # noqa: ARG002 - what Celery's programs give
        handlers: Mapping[str, Handler] | None = None,
    ) -> Receiver:
        """What calls handlers with events.

        Args:
            connection: Nothing: it is the app's own; Celery's programs give one.
            handlers: Functions by type of event; `*` for all others.
        """
        return Receiver(self._app, handlers or {})

    def State(  # noqa: N802 - Celery's name
        self,
        callback: Callable[[State, Any], Any] | None = None,
        *,
        max_tasks_in_memory: int = 10_000,
        max_workers_in_memory: int = 5000,
    ) -> State:
        """A model of tasks and workers, made of the events that it is given.

        Args:
            callback: Called with it and each event behind it.
            max_tasks_in_memory: So many tasks are remembered, those that were heard of last.
            max_workers_in_memory: Likewise workers.
        """
        return State(
            callback,
            max_tasks_in_memory=max_tasks_in_memory,
            max_workers_in_memory=max_workers_in_memory,
        )
