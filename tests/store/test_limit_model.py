"""Limits in any order of what happens, against a model that only counts."""

import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from servers import leaks
from store_side import MINUTE_MS, Hand, Taken, finished, make_record

from nbtasks.clock import SystemClock
from nbtasks.serializers import PYTHON_TAG
from nbtasks.store.limits import pause_task, resume_task
from nbtasks.store.store import Store

HOUR_US = 3_600_000_000
LIMITS = {"": (0, 0), "one": (0, 1), "two": (0, 2), "rate": (HOUR_US, 0), "both": (HOUR_US, 1)}
PICK = st.integers(0, 7)
STORM = settings(
    max_examples=25,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Count:
    """What the model knows of a limit."""

    every_us: int
    most: int
    waiting: int = 0
    running: int = 0
    tokens: int = 1

    def begin(self) -> int:
        """How many begin where there is room for all."""
        count = self.waiting
        if self.most:
            count = min(count, self.most - self.running)
        if self.every_us:
            count = min(count, self.tokens)
            self.tokens -= count
        self.waiting -= count
        self.running += count
        return count


class LimitMachine(RuleBasedStateMachine):
    """Does the same to the store and to the model, and compares after each take."""

    server: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(self.server.url, uuid.uuid4().hex[:12], SystemClock(), 5000)
        self.redis = self.server.client()
        self.redis.set(self.store.keys.code("c0de"), b"code", ex=3600)
        self.hand = Hand(self.store, "w1", ["default"], PYTHON_TAG, MINUTE_MS)
        self.counts = {name: Count(*limit) for name, limit in LIMITS.items()}
        self.names: dict[str, str] = {}
        self.held: list[Taken] = []
        self.is_paused = False

    @precondition(lambda self: len(self.names) < 12)
    @rule(name=st.sampled_from(list(LIMITS)), n=st.integers(1, 5), priority=st.integers(0, 2))
    def submit(self, *, name: str, n: int, priority: int) -> None:
        every_us, most = LIMITS[name]
        limit = f"{every_us} {most} fit/{name}" if name else ""
        record = make_record(n, limit=limit, priority=priority, max_deliveries=100)
        self.store.submit(record, lambda: b"code")
        self.names[record.rid] = name
        self.counts[name].waiting += n

    @rule()
    def take(self) -> None:
        expected = {
            name: 0 if self.is_paused else count.begin() for name, count in self.counts.items()
        }
        found = dict.fromkeys(self.counts, 0)
        while True:
            reply = self.hand.exchange(slots=8)
            self.held += reply.taken
            for taken in reply.taken:
                found[self.names[taken.rid]] += len(taken.bodies)
            if not reply.more:
                break
        assert found == expected

    @precondition(lambda self: self.held)
    @rule(pick=PICK)
    def finish(self, *, pick: int) -> None:
        taken = self._release(pick)
        assert self.hand.exchange(finished(taken, "S" * len(taken.bodies))).dropped == 0

    @precondition(lambda self: self.held)
    @rule(pick=PICK)
    def give_back(self, *, pick: int) -> None:
        taken = self._release(pick, waits=True)
        chunk = ("b", taken.lease, 1, taken.rid, taken.start, taken.stop, 0)
        assert self.hand.exchange(chunk).dropped == 0

    @precondition(lambda self: self.held)
    @rule(pick=PICK)
    def lose(self, *, pick: int) -> None:
        self.redis.zadd(self.store.keys.lease, {self._release(pick, waits=True).lease: 1})
        self.hand.exchange()

    @rule()
    def an_hour_passes(self) -> None:
        prefix = self.store.keys.prefix
        self.redis.delete(f"{prefix}rate:fit/rate", f"{prefix}rate:fit/both")
        for limit, due in self.redis.zrange(f"{prefix}limited", 0, -1, withscores=True):
            if due < 1e15:
                self.redis.zadd(f"{prefix}limited", {limit: 1})
                self.redis.zadd(self.store.keys.sched, {"%": 1})
        for count in self.counts.values():
            count.tokens = 1

    @rule()
    def pause_or_resume(self) -> None:
        self.is_paused = not self.is_paused
        (pause_task if self.is_paused else resume_task)(self.store, "fit")

    @precondition(lambda self: self.names)
    @rule(pick=PICK)
    def revoke(self, *, pick: int) -> None:
        rid = list(self.names)[pick % len(self.names)]
        states = self.redis.get(self.store.keys.states(rid))
        self.store.revoke(rid, 0, len(states), terminate=False)
        self.counts[self.names[rid]].waiting -= states.count(b"p")

    def _release(self, pick: int, *, waits: bool = False) -> Taken:
        """What is held no more; what was revoked meanwhile does not wait again."""
        taken = self.held.pop(pick % len(self.held))
        count, states = self.counts[self.names[taken.rid]], self.store.keys.states(taken.rid)
        count.running -= len(taken.bodies)
        if waits:
            found = self.redis.getrange(states, taken.start, taken.stop - 1)
            count.waiting += found.count(b"s")
        return taken

    def teardown(self) -> None:
        """In the end all can run, and nothing is left of limits."""
        if self.is_paused:
            self.pause_or_resume()
        while any(count.waiting for count in self.counts.values()) or self.held:
            self.an_hour_passes()
            self.take()
            while self.held:
                self.finish(pick=0)
        self.an_hour_passes()  # what was revoked while it waited may have been missed until now
        self.take()
        assert leaks(self.redis, self.store.keys.prefix) == []
        self.hand.link.close()
        self.store.close()
        self.redis.close()


def test_whatever_happens_as_many_begin_as_may(server):
    LimitMachine.server = server
    run_state_machine_as_test(LimitMachine, settings=STORM)
