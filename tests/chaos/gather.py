"""Looks at everything once a storm is over: results, records in the store, the history."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import redis
from servers import leaks

from chaos.checker import Evidence, Expected, Outcome
from chaos.history import Traces, hits
from chaos.load import Load, Sent, kind_of
from chaos.spy import Spy
from nbtasks.app import App
from nbtasks.errors import NbTasksError
from nbtasks.states import is_finished


def gather(app: App, client: redis.Redis, load: Load, spy: Spy, traces: Traces) -> Evidence:
    """The evidence of a storm, but for its trouble."""
    spy.read()
    expected: dict[int, Expected] = {}
    outcomes: dict[int, Outcome] = {}
    deaths: dict[int, int] = {}
    endings: dict[int, int] = {}
    left: dict[str, tuple[int, int]] = {}
    gone: list[str] = []
    for sent in load.sent:
        rid = sent.record.rid
        expected |= _expected(sent)
        outcomes |= _outcomes(app, sent)
        fields = _fields(client, app.store.keys.record(rid))
        states = _get(client, f"{app.store.keys.prefix}s:{rid}")
        if fields:
            left[rid] = int(fields[b"left"]), sum(not is_finished(state) for state in states)
        else:
            gone.append(rid)
        for at, number in enumerate(sent.numbers):
            deaths[number] = int(fields.get(b"d%d" % at, 0))
            endings[number] = spy.ended[rid, at]
    return Evidence(
        expected=expected,
        outcomes=outcomes,
        runs=Counter(execution.number for execution in traces.executions),
        hits=hits(traces),
        deaths={number: count for number, count in deaths.items() if count},
        endings=endings,
        cap=app.config.max_deliveries,
        left=left,
        gone=gone,
    )


def leftovers(app: App, client: redis.Redis, load: Load) -> Iterator[str]:
    """Forget every record; what is then still there and nobody will ever remove."""
    prefix = app.store.keys.prefix
    queues = (f"ready:{app.config.default_queue}", "lease", "sched")
    for kind in queues:
        found: Any = client.zrange(prefix + kind, 0, -1)
        if found:
            yield f"{kind} still holds {len(found)}: {found[:5]}"
    for sent in load.sent:
        if not app.forget(sent.record):
            yield f"record {sent.record.rid} cannot be forgotten"
    for kind in ("r", "s", "o"):
        keys = list(client.scan_iter(f"{prefix}{kind}:*"))
        if keys:
            yield f"{len(keys)} keys {kind}: are left, such as {keys[0]!r}"
    for key in leaks(client, prefix):
        yield f"key {key} has no TTL and no owner"


def _expected(sent: Sent) -> dict[int, Expected]:
    kind = kind_of(sent.batch.kind)
    return {
        call[0]: Expected(
            kind=sent.batch.kind,
            value=None if kind.error else kind.value(*call),
            error=kind.error,
            runs=kind.runs,
            may_be_revoked=kind.is_revoked,
        )
        for call in sent.batch.calls
    }


def _outcomes(app: App, sent: Sent) -> dict[int, Outcome]:
    record, numbers = sent.record, sent.numbers
    ended = [at for at in range(record.n) if not record.missing and record.is_done(at)]
    found: dict[int, Outcome] = {}
    for at in ended:
        try:
            (value,) = app.values(record, [at])
        except NbTasksError as error:
            value = error  # it ended, and its value cannot be had
        found[numbers[at]] = _outcome(value)
    return found


def _outcome(value: object) -> Outcome:
    if isinstance(value, BaseException):
        return Outcome(None, type(value).__name__, str(value))
    return Outcome(value)


def _fields(client: redis.Redis, key: str) -> dict[bytes, bytes]:
    found: Any = client.hgetall(key)
    return found


def _get(client: redis.Redis, key: str) -> bytes:
    found: Any = client.get(key)
    return found or b""
