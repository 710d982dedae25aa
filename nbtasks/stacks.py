"""Where a running task is: asked of its worker, answered with an event, and put in words here."""

import linecache
import os
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final

from nbtasks.connection import Connection
from nbtasks.errors import NbTasksError, NotRunning, UnknownTask, WaitTimeout
from nbtasks.functions import source_in
from nbtasks.live import LiveRecord
from nbtasks.record import Header, stack_of
from nbtasks.serializers import decode_json
from nbtasks.states import STARTED, STATES
from nbtasks.store.store import Store

AGAIN_S: Final = 1.0
"""A question may be lost with a connection: it is asked again."""


def ask_stack(connection: Connection, record: LiveRecord, index: int, timeout: float) -> str:
    """The stack of a running member in words, outermost call first.

    Args:
        connection: Where to ask.
        record: Its record, which is followed.
        index: Which member.
        timeout: Seconds to wait at most.

    Raises:
        NotRunning: It does not run.
        UnknownTask: Its record is not stored.
        WaitTimeout: Nobody has answered.
        BadSignature: The answer is not signed by our key.
    """
    question = os.urandom(8).hex()
    answers: SimpleQueue[bytes | None] = SimpleQueue()
    ended = partial(answers.put, None)
    connection.events.expect(question, answers.put)
    record.call_when_done(index, ended)
    end_ms = connection.store.clock.tick_ms() + timeout * 1000
    task_id = record.task_id(index)
    try:
        while (body := _ask(connection.store, record, index, question, answers)) is None:
            if connection.store.clock.tick_ms() >= end_ms:
                raise WaitTimeout(task_id, timeout, record.state(index))
    finally:
        connection.events.give_up(question)
        record.drop_callback(ended)
    seal = connection.signer.results(stack_of(question, record.rid))
    fields = decode_json(seal.open(index, body, f"the stack of task {task_id!r} is refused"))
    if not fields["frames"] and fields["note"]:
        raise NotRunning(task_id, fields["note"])
    return _words(connection, record, fields)


def _ask(
    store: Store,
    record: LiveRecord,
    index: int,
    question: str,
    answers: "SimpleQueue[bytes | None]",
) -> bytes | None:
    """Ask, and wait for a while; None where there is no answer yet."""
    task_id = record.task_id(index)
    state = store.ask(record.rid, index, question)
    if not state:
        raise UnknownTask(task_id)
    if ord(state) != STARTED:
        raise NotRunning(task_id, STATES[ord(state)])
    with suppress(Empty):
        body = answers.get(timeout=AGAIN_S)
        if body is None:
            raise NotRunning(task_id, record.state(index))
        return body
    return None


def _words(connection: Connection, record: LiveRecord, fields: dict[str, Any]) -> str:
    frames = fields["frames"]
    shipped = (
        shipped_source(connection, record) if not all(frame[3] for frame in frames) else ("", "")
    )
    lines = [f"Stack (most recent call last), on worker {fields['worker']}:"]
    if fields["note"]:
        lines[0] += f" {fields['note']}"
    for file, line, function, text in frames:
        lines.append(f'  File "{file}", line {line}, in {function}')
        if source := text or _line(file, line, *shipped):
            lines.append(f"    {source}")
    return "\n".join(lines) + "\n"


def _line(file: str, number: int, shipped_file: str, source: str) -> str:
    """A line of code that is in no file on the worker: of a notebook."""
    if file == shipped_file:
        found = source.splitlines()
        return found[number - 1].strip() if 0 < number <= len(found) else ""
    return linecache.getline(file, number).strip() if file in linecache.cache else ""


def shipped_source(connection: Connection, record: LiveRecord) -> tuple[str, str]:
    """The file name and the source of the code that was shipped with a task; empty for none."""
    store = connection.store
    header = store.call("HGET", store.keys.record(record.rid), "h")
    with suppress(NbTasksError, KeyError):
        code = Header.decode(header or b"").code
        blob = store.call("GET", store.keys.code(code)) if code else None
        if blob is not None:
            return source_in(connection.signer.code().open(0, blob, f"code {code!r}"))
    return "", ""
