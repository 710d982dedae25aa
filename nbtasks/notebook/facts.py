"""What a tally knows of one task, as plain data: its id, its place, its way, and its value."""

from typing import Final, NamedTuple

from nbtasks.notebook.shown import VALUES, plain_text
from nbtasks.notebook.tally import CODE_FAILURE, CODE_PENDING, CODE_RETRY, CODE_STARTED, Tally
from nbtasks.notebook.words import clean
from nbtasks.output import RICH
from nbtasks.record import DIRECT
from nbtasks.states import is_finished

_SHORT_ID: Final = 8
_SHORT_VALUE: Final = 80
_WORDS: Final = 80


class Step(NamedTuple):
    """A step on the way of a task: the code of a state, when (ms since 1970; 0: unknown), words."""

    code: int
    at_ms: int
    words: str


def task_id(tally: Tally, i: int) -> str:
    """The id of a member, as it may be shown: an id may be given by who sends a task."""
    record, index = tally.locate(i)
    return clean(record.task_id(index), _WORDS)


def short_id(tally: Tally, i: int) -> str:
    """Its beginning: `3f2a91bc…`; of a member of many also its number: `3f2a91bc…-7`."""
    record, index = tally.locate(i)
    whole = task_id(tally, i)
    if len(whole) <= _SHORT_ID + 4:
        return whole
    return f"{whole[:_SHORT_ID]}…{f'-{index}' if record.n > 1 else ''}"


def place(tally: Tally, i: int) -> str:
    """The queue, and the worker once that is known: `gpu@worker-1`."""
    record, index = tally.locate(i)
    start = record.started.get(index)
    worker = start.worker if start is not None else ""
    if record.queue.startswith(DIRECT):  # the queue of one worker alone
        return clean(worker or record.queue.removeprefix(DIRECT), _WORDS)
    return clean("@".join(filter(None, (record.queue, worker))), _WORDS)


def way(tally: Tally, i: int) -> list[Step]:
    """From where it was sent to where it is: each try that began, and what ended it."""
    record, index = tally.locate(i)
    found = [Step(CODE_PENDING, record.submitted_ms, "sent")]
    for one in record.tries.of(index):
        if one.start_ms:
            found.append(Step(CODE_STARTED, one.start_ms, _on(one.worker)))
        why = f"failed: {clean(one.why, _WORDS)}" if one.why else "its worker was lost"
        found.append(Step(CODE_RETRY, one.end_ms, why))
    start = record.started.get(index)
    if start is not None:
        found.append(Step(CODE_STARTED, start.at_ms, _on(start.worker)))
    if is_finished(record.states[index]):
        ended_ms = record.ended.get(index) or (record.finished_ms if record.n == 1 else 0)
        found.append(Step(tally.code(i), ended_ms, ""))
    return found


def short_value(tally: Tally, i: int) -> str:
    """The first words of its value, as far as that is known here; empty for nothing."""
    record, index = tally.locate(i)
    output = record.output.get(index)
    if output is None or tally.code(i) == CODE_FAILURE:
        return ""
    for stream, text in reversed(output.parts.copy()):
        if stream in VALUES:
            return clean(plain_text(text) if stream == RICH else text, _SHORT_VALUE)
    return ""


def _on(worker: str) -> str:
    return f"started on {clean(worker, _WORDS)}" if worker else "started"
