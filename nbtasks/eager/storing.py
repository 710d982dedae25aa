"""What an eager run leaves behind, as records of Redis (`task_store_eager_result`)."""

from collections.abc import Iterator

from nbtasks.config import Config
from nbtasks.eager.parts import Part, Parts
from nbtasks.eager.source import EagerSource, Fall
from nbtasks.failure import DEPENDENCY, system_body
from nbtasks.record import Header
from nbtasks.signing import SYSTEM, Seal, Signer
from nbtasks.states import FAILURE
from nbtasks.store.ended import Ended


def ended_records(
    parts: Parts, source: EagerSource, config: Config, signer: Signer
) -> Iterator[Ended]:
    """The records of a run that has ended."""
    for part in parts:
        record = part.record
        seal = signer.results(record.rid)
        header = Header(
            task=part.task.name,
            code="",
            key_id=signer.key_id,
            retry=part.policy,
            root_id=part.place.root_id,
            parent_id=part.place.parent_id,
            group_id=part.place.group_id,
            stamps=part.place.stamps,
        )
        yield Ended(
            rid=record.rid,
            header=header.encode(),
            queue=record.queue,
            keep_ms=config.result_expires_ms,
            states=bytes(record.states),
            bodies=[_body(part, source, index, seal) for index in range(record.n)],
        )


def _body(part: Part, source: EagerSource, index: int, seal: Seal) -> bytes:
    record = part.record
    body = record.bodies.get(index, b"")
    fall = source.fall(record, index) if record.states[index] == FAILURE else None
    if fall is not None and fall.cause is not None:
        return _blame(fall.cause, is_chord=fall.is_chord)
    return body if body[:1] in {b"", SYSTEM} else seal.seal(index, body)


def _blame(cause: Fall, *, is_chord: bool) -> bytes:
    """As the store says it of a task that was not run."""
    record, index = cause.record, cause.index
    return system_body(
        DEPENDENCY, of=cause.task_id, rid=record.rid, i=index, n=record.n, chord=is_chord
    )
