"""What only events have told of members, for a client that did not hear them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nbtasks.record import SEPARATOR
from nbtasks.store.store import LogPart, Store, log_parts

LOG_BYTES: Final = 1_000_000
"""Of all members asked for together: a client holds about as much of each, but asks for many."""

EventId = tuple[int, int]
"""The id of an entry in a client's stream of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a member has told.

    Attributes:
        worker: Where it runs or ran; '' where it has told nothing.
        began_ms: Since when, in ms since 1970; 0: unknown.
        progress: How far it is, JSON; empty where it did not say.
        log: What it wrote, the newest of it, the oldest first.
    """

    worker: str
    began_ms: int
    progress: bytes
    log: Sequence[LogPart]


def recall(store: Store, rid: str, indices: Sequence[int]) -> tuple[EventId, list[Told]]:
    """What members of a record have told, and up to which event of this client that is.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    room = LOG_BYTES // max(1, len(indices))
    last, *found = store.run_script("recall", store.client, rid, room, *indices)
    told: list[Told] = []
    for at in range(0, len(found), 3):
        place, progress, log = found[at : at + 3]
        worker, _, rest = place.decode().partition(" ")
        began = rest.partition(" ")[0]
        text = log.decode("utf-8", "replace")
        if len(log) == room:  # its first part may be cut
            text = SEPARATOR.join(["", *text.split(SEPARATOR)[1:]])
        told.append(
            Told(
                worker=worker,
                began_ms=int(began) if began.isdecimal() else 0,
                progress=progress,
                log=log_parts(text),
            )
        )
    return event_id(last), told


def event_id(entry: bytes) -> EventId:
    """The id of an entry, as numbers that can be compared."""
    milliseconds, _, sequence = entry.partition(b"-")
    return int(milliseconds), int(sequence)
