"""Says where running tasks are, to whoever asks for their stacks.

A task that has a thread is asked through that thread (`dump`); one that is a coroutine through the
event loop it is on, which knows what it awaits. Where that loop does not answer, something holds it
up, and it is the loop's own thread that is looked at.
"""

import linecache
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nbtasks.clock import Clock
from nbtasks.record import stack_of
from nbtasks.serializers import encode_json
from nbtasks.signing import Signer
from nbtasks.worker.delivery import Delivery, Slot
from nbtasks.worker.dump import LOOP, THREAD, Dump, Place, own
from nbtasks.worker.work import WHERE

LOOK_MS: Final = 5.0
LOOP_MS: Final = 100.0
"""A loop that has not answered by then is held up."""

STEP_MS: Final = 100.0
STEP_MS_EACH: Final = 50.0
"""A thread that runs Python takes a step within that time; more where several take turns."""

GIVE_UP_MS: Final = 1000.0
MOST_WAITING: Final = 100

_WORDS: Final = 4  # of a question: its name, the client, the member, the record

_NOT_BEGUN: Final = "it waits in a process that has not begun it"
_HELD_UP: Final = "it does not run now: this is what holds its event loop up"
_NO_ANSWER: Final = "its thread could not be looked at"

Report = Callable[[Slot, int, Iterable[tuple[str, int, object]]], None]


@dataclass(slots=True)
class Query:
    """A question about a member, and what is being done to answer it."""

    question: str
    client: str
    slot: Slot
    delivery: Delivery
    index: int
    asked_ms: float
    dump: Dump | None = None


class Stacks:
    """Answers questions, one dump of a process at a time.

    Args:
        worker: The worker's name.
        slots: Its children.
        report: Takes the answers.
        signer: Signs them.
        clock: Says how long one may take.
    """

    def __init__(
        self, worker: str, slots: dict[int, Slot], report: Report, signer: Signer, clock: Clock
    ) -> None:
        self._worker = worker
        self._slots = slots
        self._report = report
        self._signer = signer
        self._clock = clock
        self._waiting: list[Query] = []

    def ask(self, text: str) -> None:
        """A question from Redis; what is not of a task here is for another worker."""
        words = text.split(" ")
        if len(words) != _WORDS or not words[2].isdecimal():
            return  # no client of ours has written it
        question, client, number, rid = words
        index = int(number)
        known = any(query.question == question for query in self._waiting)
        for slot in self._slots.values():
            for delivery in list(slot.deliveries.values()):
                if delivery.rid == rid and delivery.holds(index) and not known:
                    now = self._clock.tick_ms()
                    self._begin(Query(question, client, slot, delivery, index, now))

    def tell(self, slot: Slot, question: str, places: Iterable[tuple[str, int, str]]) -> None:
        """The event loop of a child has answered."""
        for query in list(self._waiting):
            if query.question == question and query.slot is slot:
                self._answer(query, [Place(*place) for place in places])

    def look(self, now: float) -> float | None:
        """See to what is under way at the time `now`; ms until the next look, None for never."""
        for query in list(self._waiting):
            if query.delivery.number not in query.slot.deliveries or not query.delivery.holds(
                query.index
            ):
                self._drop(query)  # it has ended
            elif query.dump is not None:
                self._read(query, query.dump, now)
            elif not query.delivery.is_async or now - query.asked_ms >= LOOP_MS:
                self._dump(query, now)
        return LOOK_MS if self._waiting else None

    def _begin(self, query: Query) -> None:
        slot, delivery = query.slot, query.delivery
        if query.index not in delivery.running(slot.child.cells.now):
            self._answer(query, [], _NOT_BEGUN)
            return
        self._waiting.append(query)
        if len(self._waiting) > MOST_WAITING:
            self._drop(self._waiting[0])
        if delivery.is_async:
            slot.child.tell(WHERE, delivery.number, query.index, query.question)
        else:
            self._dump(query, query.asked_ms)

    def _dump(self, query: Query, now: float) -> None:
        process = query.slot.child.process
        if any(
            other.dump is not None and other.slot.child.process is process
            for other in self._waiting
        ):
            return  # both would write to the same file
        numbers = query.slot.child.cells.numbers
        try:
            query.dump = Dump(process.pid, numbers, LOOP if query.delivery.is_async else THREAD)
        except OSError as error:
            self._answer(query, [], f"{_NO_ANSWER}: {error}")
        else:
            query.asked_ms = now

    def _read(self, query: Query, dump: Dump, now: float) -> None:
        places, waited = dump.read(), now - query.asked_ms
        if places is None and waited < GIVE_UP_MS:
            # Native code of a loop is not looked at: another thread may be what holds it up.
            crowd = len(query.slot.child.process.children)
            if waited >= STEP_MS + STEP_MS_EACH * (crowd - 1) and not query.delivery.is_async:
                with suppress(OSError):  # it has ended, which is seen at the next look
                    dump.ask_in_c()
        elif places is None:
            self._answer(query, [], _NO_ANSWER)
        elif query.delivery.is_async:
            self._answer(query, own(places), _HELD_UP)
        elif query.index in query.delivery.running(query.slot.child.cells.now):
            self._answer(query, own(places))
        else:
            self._drop(query)  # it has ended, and another one was seen

    def _answer(self, query: Query, places: Sequence[Place], note: str = "") -> None:
        self._drop(query)
        linecache.checkcache()
        frames = [[*place, linecache.getline(place.file, place.line).strip()] for place in places]
        body = encode_json({"worker": self._worker, "frames": frames, "note": note})
        seal = self._signer.results(stack_of(query.question, query.delivery.rid))
        head = f"{query.client} {query.question} ".encode()
        data = head + seal.seal(query.index, body)
        self._report(query.slot, query.delivery.number, [("k", query.index, data)])

    def _drop(self, query: Query) -> None:
        if query in self._waiting:
            self._waiting.remove(query)
        if query.dump is not None:
            query.dump.close()
            query.dump = None
