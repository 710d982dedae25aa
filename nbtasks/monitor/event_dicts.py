"""What the monitoring stream tells, as Celery's events: a dict each, with its types and fields.

What tasks are called with and return is in words: bounded, made of Python's own types only, and of
what is encrypted nothing.
"""

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, Final, assert_never

from nbtasks.errors import NbTasksError
from nbtasks.monitor.records import Records
from nbtasks.record import Header, member_id
from nbtasks.saying import RESERVED
from nbtasks.serializers import Codec, decode_json
from nbtasks.signing import Signer
from nbtasks.states import FAILURE, IGNORED, REVOKED, SUCCESS
from nbtasks.store.fleet import WorkerFacts
from nbtasks.store.tidings import (
    Began,
    Ended,
    Item,
    Progressed,
    Requeued,
    Retried,
    Returned,
    Said,
    Sent,
    Taken,
    WorkerSaid,
)
from nbtasks.wording import call_texts, error_words, value_text

Event = dict[str, Any]
"""`type`, `timestamp` in s, and whatever it tells."""

SOFTWARE: Final = "nbtasks"
_EXPIRED: Final = b'"expired"'
_MOST_WORKERS: Final = 1000


class EventDicts:
    """Makes events of items.

    Args:
        records: Knows the names of tasks.
        signer: Opens what is signed.
        codec: What may be read here.
        wants: Says whether anybody wants events of a type; what nobody wants is not made.
    """

    def __init__(
        self, records: Records, signer: Signer, codec: Codec, wants: Callable[[str], bool]
    ) -> None:
        self._records = records
        self._signer = signer
        self._codec = codec
        self._wants = wants
        self._numbers = count(1)
        self._pids: dict[str, int] = {}

    def of(self, item: Item) -> Iterator[Event]:
        """The events that an item tells of, one for each task."""
        match item:
            case Sent():
                yield from self._sent(item)
            case Taken():
                yield from self._taken(item)
            case Returned():
                yield from self._returned(item)
            case Ended():
                yield from self._ended(item)
            case WorkerSaid():
                yield from self._worker(item)
            case _:
                yield from self._of_member(item)

    def _of_member(self, item: Began | Progressed | Retried | Requeued | Said) -> Iterator[Event]:
        match item:
            case Began():
                yield from self._one("task-started", item, item.worker, {}, at_ms=item.began_ms)
            case Progressed():
                yield from self._one("task-progress", item, "", _progress(item.data))
            case Retried():
                told = {**self._error(item.rid, item.index, item.error), "eta": item.due_ms / 1000}
                yield from self._one("task-retried", item, item.worker, told)
            case Requeued():
                yield from self._one("task-requeued", item, "", {"number": item.number})
            case Said():
                if item.type not in RESERVED:
                    yield from self._one(item.type, item, item.worker, _fields(item.fields))
            case _:
                assert_never(item)

    def heartbeat(self, worker: WorkerFacts, at_ms: float) -> Event:
        """An event of a worker that was there before anybody listened."""
        self._pids[worker.name] = worker.pid
        facts = {"freq": None, "sw_ident": SOFTWARE, "sw_ver": worker.version}
        return self._event("worker-heartbeat", at_ms, worker.name, facts)

    # Tasks

    def _sent(self, item: Sent) -> Iterator[Event]:
        if not self._wants("task-sent"):
            return
        about = self._records.about(item.rid)
        common = {
            "name": about.name,
            "queue": item.queue,
            "routing_key": item.queue,
            "exchange": "",
            "retries": 0,
            "priority": item.priority,
            "eta": item.due_ms / 1000 if item.due_ms else None,
            "expires": item.expires_ms / 1000 if item.expires_ms else None,
            "parent_id": about.parent_id or None,
        }
        for index, texts in zip(_range(item), self._calls(item), strict=True):
            task_id = member_id(item.rid, index, item.n)
            args, kwargs = texts or (None, None)
            more = {"args": args, "kwargs": kwargs, "root_id": about.root_id or task_id}
            yield self._task("task-sent", item.at_ms, item.client, task_id, {**common, **more})

    def _calls(self, item: Sent) -> Iterator[tuple[str, str] | None]:
        """The arguments of each member in words."""
        bodies = item.bodies if len(item.bodies) == len(_range(item)) else [b""] * len(_range(item))
        try:
            header = Header.decode(item.header)
        except NbTasksError:
            yield from (None for _ in bodies)
            return
        seal = self._signer.arguments(item.rid, item.header, header.key_id)
        for index, body in enumerate(bodies, item.start):
            yield call_texts(seal, self._codec, index, body) if body else None

    def _taken(self, item: Taken) -> Iterator[Event]:
        about = self._records.about(item.rid)
        for index in _range(item) if self._wants("task-received") else ():
            task_id = member_id(item.rid, index, item.n)
            told = {
                "name": about.name,
                "retries": item.retries,
                "root_id": about.root_id or task_id,
                "parent_id": about.parent_id or None,
            }
            yield self._task("task-received", item.at_ms, item.worker, task_id, told)

    def _returned(self, item: Returned) -> Iterator[Event]:
        about = self._records.about(item.rid)
        if item.reason and self._wants("task-rejected"):  # else it just waits again, not begun
            for index in _range(item):
                task_id = about.task_id(item.rid, index)
                told = {"requeue": True, "reason": item.reason}
                yield self._task("task-rejected", item.at_ms, item.worker, task_id, told)

    def _ended(self, item: Ended) -> Iterator[Event]:
        about = self._records.about(item.rid)
        seconds = item.each_us / 1e6
        for at, state in enumerate(item.states):
            kind = _ENDS.get(state, "")
            index, body = item.start + at, _at(item.bodies, at, b"")
            task_id = (
                member_id(item.rid, index, item.n) if item.n else about.task_id(item.rid, index)
            )
            if item.worker and not _at(item.began_ms, at, 0) and self._wants("task-started"):
                began_ms = item.at_ms - item.each_us / 1000
                yield self._task("task-started", began_ms, item.worker, task_id, {})
            if not kind or not self._wants(kind):
                continue
            told: Event = {}
            if state == SUCCESS:
                seal = self._signer.results(item.rid)
                text = value_text(seal, self._codec, index, body) if body else None
                told = {"result": text, "runtime": seconds}
            elif state == FAILURE:
                told = {**self._error(item.rid, index, body), "runtime": seconds}
            elif state == REVOKED:
                told = _revoked(_at(item.signals, at, ""), body)
            yield self._task(kind, item.at_ms, item.worker, task_id, told)

    def _one(
        self,
        kind: str,
        item: Began | Progressed | Retried | Requeued | Said,
        worker: str,
        told: Event,
        at_ms: float = 0,
    ) -> Iterator[Event]:
        if self._wants(kind):
            task_id = self._records.about(item.rid).task_id(item.rid, item.index)
            yield self._task(kind, at_ms or item.at_ms, worker, task_id, told)

    def _error(self, rid: str, index: int, body: bytes) -> Event:
        words = error_words(self._signer.results(rid), rid, index, body) if body else None
        if words is None:
            return {"exception": None, "traceback": None}
        kind = words.type_name.rpartition(".")[2]
        return {"exception": f"{kind}({words.text!r})", "traceback": words.traceback}

    def _task(self, kind: str, at_ms: float, hostname: str, task_id: str, told: Event) -> Event:
        return {**told, **self._event(kind, at_ms, hostname, {"uuid": task_id})}

    # Workers

    def _worker(self, item: WorkerSaid) -> Iterator[Event]:
        facts, kind = item.facts, f"worker-{item.kind}"
        if (pid := facts.get("pid", "")).isdigit():
            if len(self._pids) > _MOST_WORKERS:
                self._pids.clear()
            self._pids[item.worker] = int(pid)
        if self._wants(kind):
            told = {**facts, "freq": None, "sw_ident": SOFTWARE, "sw_ver": facts.get("version")}
            yield self._event(kind, item.at_ms, item.worker, told)

    def _event(self, kind: str, at_ms: float, hostname: str, told: Event) -> Event:
        return {
            **told,
            "type": kind,
            "timestamp": at_ms / 1000,
            "hostname": hostname,
            "pid": self._pids.get(hostname),
            "utcoffset": 0,
            "clock": next(self._numbers),
        }


_ENDS: Final = {
    SUCCESS: "task-succeeded",
    FAILURE: "task-failed",
    REVOKED: "task-revoked",
    IGNORED: "task-ignored",
}


def _range(item: Sent | Taken | Returned) -> range:
    return range(item.start, item.stop)


def _at(values: Sequence[Any], at: int, none: Any) -> Any:
    return values[at] if at < len(values) else none


def _revoked(name: str, body: bytes) -> Event:
    number = signal.Signals.__members__.get(name)
    return {
        "terminated": bool(name),
        "signum": int(number) if number is not None else None,
        "expired": _EXPIRED in body,
    }


def _progress(data: bytes) -> Event:
    try:
        current, total, message, *more = decode_json(data)
    except (ValueError, TypeError):
        return {}
    state: Iterable[Any] = (*more, "PROGRESS", None)[:2] if more else ("PROGRESS", None)
    said, meta = state
    return {"current": current, "total": total, "message": message, "state": said, "meta": meta}


def _fields(data: bytes) -> Event:
    try:
        found: Any = decode_json(data)
        return dict(found.items())
    except (ValueError, AttributeError):  # whoever writes to Redis may write anything
        return {}
