"""The part of an app that sends: plans and calls become records, all of a plan or nothing of it."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from nbtasks.archiving import Archiving
from nbtasks.clock import Clock
from nbtasks.config import Config
from nbtasks.connection import Connection
from nbtasks.context import sending_task
from nbtasks.errors import NotReplicated, StoreError
from nbtasks.events import apply_snapshot
from nbtasks.functions import FunctionCache
from nbtasks.live import LiveRecord
from nbtasks.patience import shortest
from nbtasks.placing import Place, Placed, place_nodes
from nbtasks.plan import Node, One, Plan
from nbtasks.presence import Presence
from nbtasks.publishing import announce, tell_sent
from nbtasks.result import AsyncResult, GroupResult, make_result
from nbtasks.routes import Routes
from nbtasks.sending import Prepared, Submission, prepare, takes_value, task_of
from nbtasks.signature import Signature
from nbtasks.store.canvases import CanvasRecords
from nbtasks.store.fleet import WorkerFacts
from nbtasks.task import Task

Sent = AsyncResult[Any] | GroupResult[Any] | None
"""What a plan returns: a handle on its value, or None where it has none."""


class Submitter(Archiving):
    """Sends what signatures, tasks and cells have made."""

    config: Config
    tasks: MutableMapping[str, Task[..., Any]]
    clock: Clock
    revoke_on_interrupt: bool
    on_sent: Callable[[Any], None] | None
    packages: dict[str, str]
    expects_workers = True
    _functions: FunctionCache
    _presence: Presence

    @property
    def routes(self) -> Routes:
        """Where tasks go that name no queue."""
        return self.config.routes

    @abstractmethod
    def finalize(self) -> None:
        """All modules of the program are imported."""

    @abstractmethod
    def workers(self) -> list[WorkerFacts]:
        """The live workers."""

    @abstractmethod
    def run_here(self, plan: Plan, *, throw: bool | None = None) -> Sent:
        """Run a plan in this process."""

    def send(self, plan: Plan, *, root_id: str = "", parent_id: str = "") -> Sent:
        """Submit a plan: nothing of it runs before all of it is stored.

        Args:
            plan: What a canvas compiles to.
            root_id: The root of the task that sends it; by default that of the one that runs here.
            parent_id: That task.

        Raises:
            ConfigError: An option has a wrong value.
            Unsendable: An argument cannot be pickled; the message names it.
            TooBig: An argument or the code is above `max_input`.
            StoreUnavailable: Redis does not answer.
            QueueFull: A bounded queue has no room for what begins.
            StoreFull: Redis has no memory for it.
        """
        # What a worker's task sends in its own place must be where that task is.
        if self.config.task_always_eager and not parent_id:
            return self.run_here(plan)
        if not root_id:
            root_id, parent_id = sending_task()
        lives: dict[Node, LiveRecord] = {}
        if plan.nodes:
            placed = place_nodes(plan, root_id, parent_id)
            pairs = zip(plan.nodes, placed.places, strict=True)
            found = self._send_all([self._of_node(node, place) for node, place in pairs], placed)
            lives = dict(zip(plan.nodes, found, strict=True))
        result = make_result(self, plan.value, lives)
        if self.on_sent is not None and result is not None:
            self.on_sent(result)
        return result

    @abstractmethod
    def compile(
        self,
        signature: Signature,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Plan:
        """What a signature comes to: records, and what each of them waits for."""

    @abstractmethod
    def AsyncResult(self, task_id: str) -> AsyncResult[Any]:  # noqa: N802 - Celery's name
        """A handle on a task by its id."""

    def prepare_held(
        self, plan: Plan, submission: Submission | None = None
    ) -> tuple[list[Prepared], Placed]:
        """The records of a plan, to be stored first and begun later; nothing is sent.

        Args:
            plan: What a canvas compiles to; its nodes may have their ids.
            submission: What is to run, where the plan is a cell.

        Raises:
            ConfigError: An option has a wrong value.
            Unsendable: An argument cannot be pickled; the message names it.
            TooBig: An argument or the code is above `max_input`.
        """
        placed = place_nodes(plan, is_held=True)
        if submission is not None:
            (place,) = placed.places
            return [self._prepare(replace(submission, place=place))], placed
        pairs = zip(plan.nodes, placed.places, strict=True)
        return [self._prepare(self._of_node(node, place)) for node, place in pairs], placed

    def submit(self, submission: Submission, node: Node | None = None) -> LiveRecord:
        """Submit calls of some code as one record.

        Args:
            submission: What is to run.
            node: The same in a plan, which says what it waits for and how it is stamped.

        Raises:
            ConfigError: An option has a wrong value.
            Unsendable: An argument cannot be pickled; the message names it.
            TooBig: An argument or the code is above `max_input`.
            StoreUnavailable: Redis does not answer.
        """
        if node is None:
            announced = announce(submission)
            prepared = self._prepare(announced.submission)
            live = self._submit(prepared)
            tell_sent([announced], [prepared], [live])
            return live
        placed = place_nodes(Plan([node], One(node)), *sending_task())
        (place,) = placed.places
        (live,) = self._send_all([replace(submission, place=place)], placed)
        return live

    def _send_all(self, submissions: Iterable[Submission], placed: Placed) -> list[LiveRecord]:
        announced = [announce(submission) for submission in submissions]
        prepared = [self._prepare(each.submission) for each in announced]
        lives = self._submit_all(prepared, placed)
        tell_sent(announced, prepared, lives)
        return lives

    def _of_node(self, node: Node, place: Place) -> Submission:
        task = task_of(node)
        codec = self.codec.writing(node.options.get("serializer") or task.options.serializer)
        return Submission(
            code=self._functions.code(
                task.function, task.name, codec, bind=task.options.bind, owner=task.owner()
            ),
            name=task.name,
            calls=node.calls,
            base=task.options,
            call=node.options,
            task=task,
            labels=node.labels,
            place=place,
            takes=takes_value(node),
        )

    def _prepare(self, submission: Submission) -> Prepared:
        signer = self.connection.signer
        now = datetime.fromtimestamp(self.clock.wall_ms() / 1000, UTC)
        return prepare(submission, self.config, signer, self.codec, self.packages, now=now)

    def _submit_all(self, prepared: Sequence[Prepared], placed: Placed) -> list[LiveRecord]:
        if prepared[0].record.edges is None:
            return [self._submit(prepared[0])]
        return self._submit_canvas(prepared, placed)

    def _submit(self, prepared: Prepared) -> LiveRecord:
        connection, record = self.connection, prepared.record
        live = prepared.live(self.clock.wall_ms())
        if not prepared.is_named:
            connection.events.follow(live, is_sent=False)
        try:
            holder = self._store(connection, prepared)
        finally:
            connection.events.sent(record.rid)
        if holder:
            live = LiveRecord(holder, 1, record.name, record.queue, live.submitted_ms)
        if holder or prepared.is_named:
            live = self._join(live)
        self._look_for_workers([prepared])
        return live

    def _submit_canvas(self, prepared: Sequence[Prepared], placed: Placed) -> list[LiveRecord]:
        connection, now = self.connection, self.clock.wall_ms()
        lives = [each.live(now) for each in prepared]
        for live in lives:
            connection.events.follow(live, is_sent=False)
        try:
            self._store_canvas(connection, prepared, placed)
        finally:
            for live in lives:
                connection.events.sent(live.rid)
        self._look_for_workers(prepared)
        return lives

    def _look_for_workers(self, prepared: Sequence[Prepared]) -> None:
        if not self.expects_workers:
            return
        for queue, python in {(each.record.queue, each.record.python) for each in prepared}:
            with suppress(StoreError):  # it was submitted: a look at the fleet must not fail it
                self._presence.check(self.workers, queue, python)

    def _store(self, connection: Connection, prepared: Prepared) -> str:
        """Submit a record, and keep it in case Redis loses it; the record that has its key."""
        with self._keeping(connection, [prepared]) as blobs:
            holder = connection.store.submit(
                prepared.record,
                blobs[prepared.record.code],
                room_ms=self.config.full_patience_ms,
                replica_ms=prepared.replica_ms,
                patience_ms=prepared.patience_ms,
            )
        if holder:
            self._redrive.drop(prepared.record.rid)
        return holder

    def _store_canvas(
        self, connection: Connection, prepared: Sequence[Prepared], placed: Placed
    ) -> None:
        records = CanvasRecords(placed.root, [each.record for each in prepared], placed.drawing)
        with self._keeping(connection, prepared) as blobs:
            connection.store.submit_canvas(
                records,
                blobs,
                room_ms=self.config.full_patience_ms,
                replica_ms=max(each.replica_ms for each in prepared),
                patience_ms=shortest([each.patience_ms for each in prepared]),
            )

    @contextmanager
    def _keeping(
        self, connection: Connection, prepared: Sequence[Prepared]
    ) -> Generator[Mapping[str, Callable[[], bytes]]]:
        """Keep what is submitted inside in case Redis loses it; gives what makes signed code."""
        seal = connection.signer.code().seal
        blobs = {each.record.code: partial(seal, 0, each.code.blob) for each in prepared}
        kept = [
            each.record.rid
            for each in prepared
            if each.redrive
            and self._redrive.keep(
                each.record,
                blobs[each.record.code],
                len(each.code.blob),
                self.config.redrive_bytes,
            )
        ]
        if prepared[0].record.edges is not None and len(kept) < len(prepared):
            while kept:  # a canvas is sent again whole, or not at all
                self._redrive.drop(kept.pop())
        is_stored = False
        try:
            yield blobs
            is_stored = True
        except NotReplicated:
            is_stored = True  # it runs
            raise
        finally:
            for rid in kept:
                if is_stored:
                    self._redrive.sent(rid)
                else:
                    self._redrive.drop(rid)

    def _join(self, live: LiveRecord) -> LiveRecord:
        """Follow a record with an id of the user's own, which may have been submitted before."""
        known = self.event_stream.find(live.rid)
        if known is not None and not known.is_done(None):
            return known
        self.event_stream.follow(live)
        snapshot = self.store.watch(live.rid)
        if snapshot is not None:
            apply_snapshot(live, snapshot, 0)  # it may have ended long ago
        return live
