"""All scripts in any order: workers that live, die and come back, clients that ask twice."""

import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from audit import Audit
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from model import OWNER, Entry, Lease, Member, Model
from store_side import HEADER, MINUTE_MS, Hand, Taken

from nbtasks.clock import SystemClock
from nbtasks.serializers import PYTHON_TAG
from nbtasks.store.store import Store

HOUR_MS = 3_600_000
WORKERS = ("w1", "w2", "w3")
PICK = st.integers(0, 5)
SIGNALS = st.sampled_from(["SIGTERM", "", "-"])


@dataclass
class View:
    """What a worker believes to hold: members [start, stop) of a lease are still to be done."""

    worker: str
    lease: str
    rid: str
    start: int
    stop: int
    is_suspect: bool


class Machine(RuleBasedStateMachine):
    """Does the same to the store and to the model, and compares."""

    server: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(self.server.url, uuid.uuid4().hex[:12], SystemClock(), 5000)
        self.store.client = "c1"
        self.redis = self.server.client()
        self.audit = Audit(self.redis, self.store.keys)
        self.model = Model()
        self.hands = {name: self._hand(name) for name in WORKERS}
        self.views: list[View] = []
        self.requests: list[tuple[str, str, list[int]]] = []
        self.count = 0
        self.redis.set(self.store.keys.code("c0de"), b"code", ex=HOUR_MS)

    def _hand(self, name: str) -> Hand:
        hand = Hand(self.store, name, ["default"], PYTHON_TAG, MINUTE_MS)
        hand.owner = name.ljust(OWNER, "-")
        return hand

    def _next(self, what: str) -> str:
        self.count += 1
        return f"{what}{self.count}"

    def _entry(self, pick: int, *, whole: bool = True) -> Entry:
        entries = [one for one in self.model.records.values() if one.is_whole == whole]
        return entries[pick % len(entries)]

    def _run(self, script: str, *args: object) -> Any:
        return self.hands["w1"].script(script, *args)

    # Clients

    @precondition(lambda self: len(self.model.records) < 4)
    @rule(n=st.integers(1, 4), cap=st.integers(1, 3), is_late=st.booleans(), whole=st.booleans())
    def submit(self, *, n: int, cap: int, is_late: bool, whole: bool) -> None:
        rid = self._next("r")
        members = [Member(b"%s-a%d" % (rid.encode(), i)) for i in range(n)]
        self.model.records[rid] = Entry(rid, cap, is_late, members)
        self.audit.follow("c1", rid, "p" * n)
        self._send(rid, n if whole else 1)

    def _send(self, rid: str, count: int) -> None:
        """Send the next members; then again, as if the reply had been lost."""
        entry = self.model.records[rid]
        start, n = entry.stored, len(entry.members)
        stop = min(n, start + count)
        delay = HOUR_MS if entry.is_late else 0
        head = (rid, start, n, HEADER, "default", "c1", 0, "", "c0de", entry.cap, MINUTE_MS, delay)
        bodies = [one.argument for one in entry.members[start:stop]]
        for _ in range(2):
            stored = self._run("submit", *head, 0, 0, "", "", *bodies)
            assert stored == self.model.store_chunk(rid, start, stop), "1 a repeat changes nothing"
        self.audit.check(self.model)

    @precondition(lambda self: any(not one.is_whole for one in self.model.records.values()))
    @rule(pick=PICK, count=st.integers(1, 3))
    def send_more(self, pick: int, count: int) -> None:
        self._send(self._entry(pick, whole=False).rid, count)

    @precondition(lambda self: any(not one.is_whole for one in self.model.records.values()))
    @rule(pick=PICK)
    def withdraw(self, pick: int) -> None:
        entry = self._entry(pick, whole=False)
        del self.model.records[entry.rid]
        bounds = [*range(entry.stored + 1), len(entry.members)]
        for expected in (1, 0):
            assert self._run("withdraw", entry.rid, *bounds) == expected
        self.audit.check(self.model)

    @precondition(lambda self: any(one.is_whole for one in self.model.records.values()))
    @rule(pick=PICK, start=st.integers(0, 3), count=st.integers(1, 4), name=SIGNALS)
    def revoke(self, *, pick: int, start: int, count: int, name: str) -> None:
        entry = self._entry(pick)
        stop = min(len(entry.members), start % len(entry.members) + count)
        start %= len(entry.members)
        expected = self.model.revoke(entry.rid, start, stop, name)
        assert self._run("revoke", entry.rid, start, stop, name, "") == expected, "7 revoked"
        before = entry.states[start:stop].count("R")
        assert self._run("revoke", entry.rid, start, stop, name, "1") == before
        self.audit.check(self.model)

    @precondition(lambda self: any(one.is_whole for one in self.model.records.values()))
    @rule(pick=PICK)
    def forget(self, pick: int) -> None:
        rid = self._entry(pick).rid
        for _ in range(2):
            assert self._run("forget", rid) == self.model.forget(rid)
        if rid not in self.model.records:
            self.requests = [one for one in self.requests if one[1] != rid]
            gone = {one for one in self.model.dead if one.startswith(f"{rid}:")}
            assert self._run("dead", 0, 100)[1] == len(gone)
            self.model.dead -= gone
        self.audit.check(self.model)

    @precondition(lambda self: any("F" in one.states for one in self.model.records.values()))
    @rule(pick=PICK, first=st.booleans())
    def requeue(self, *, pick: int, first: bool) -> None:
        failed = [one for one in self.model.records.values() if "F" in one.states and one.is_whole]
        if failed:
            entry = failed[pick % len(failed)]
            indices = [entry.states.index("F")] if first else list(range(len(entry.members)))
            self.requests.append((self._next("n"), entry.rid, indices))
            self.requeue_again(-1)

    @precondition(lambda self: self.requests)
    @rule(pick=PICK)
    def requeue_again(self, pick: int) -> None:
        request = self.requests[pick % len(self.requests)]
        nonce, rid, indices = request
        for _ in range(2):
            expected = self.model.requeue(rid, indices, nonce)
            assert self._run("requeue", nonce, rid, *indices) == expected
        self.audit.check(self.model)

    @precondition(lambda self: self.model.records)
    @rule(pick=PICK)
    def watch(self, pick: int) -> None:
        entry = list(self.model.records.values())[pick % len(self.model.records)]
        (found,) = self._run("watch", "c2", entry.rid)
        assert found[3].decode() == entry.states, "1 a follower sees what is stored"
        self.audit.check(self.model)
        self.audit.follow("c2", entry.rid, entry.states)

    # Workers

    @rule(worker=st.sampled_from(WORKERS), slots=st.integers(1, 3), most=st.sampled_from([2, 9]))
    def take(self, worker: str, slots: int, most: int) -> None:
        for name in ("default", "default!"):
            self.redis.delete(self.store.keys.wake(name))  # it was woken
        has_none = not any(one.is_suspect for one in self.views if one.worker == worker)
        token = self.hands[worker].owner + self._next("t")
        self.model.begin(beat=False)
        wanted = self.model.ready(suspects=has_none)
        taken = self.hands[worker].take(slots, most=most, suspects=has_none, token=token)
        assert bool(taken) == bool(wanted), "1 what is queued is taken"
        assert sum(one.is_suspect for one in taken) <= has_none, "6 one suspect a worker"
        for one in taken:
            self._check_taken(one)
            view = View(worker, one.lease, one.rid, one.start, one.stop, bool(one.is_suspect))
            self.views.append(view)
            lease = Lease(one.lease, self.hands[worker].owner, one.rid, one.start, one.stop)
            self.model.lease_out(lease, is_suspect=view.is_suspect)
        self.audit.check(self.model)

    def _check_taken(self, taken: Taken) -> None:
        entry = self.model.records[taken.rid]
        for i in range(taken.start, taken.stop):
            one = entry.members[i]
            assert one.place == "ready", f"4 taken though it is not queued: {taken.rid} {i}"
            assert one.state in "pr", "7 what has ended is not taken"
            assert taken.bodies[i - taken.start] == one.argument
        assert taken.retries == entry.members[taken.start].retries
        assert bool(taken.is_suspect) == entry.is_suspect(taken.start), "6 who is a suspect"

    @precondition(lambda self: self.views)
    @rule(pick=PICK, kind=st.sampled_from("ffrbbd"), size=st.integers(1, 3), is_good=st.booleans())
    def hand_in(self, *, pick: int, kind: str, size: int, is_good: bool) -> None:
        view = self.views[pick % len(self.views)]
        start, stop = view.start, view.stop
        if kind == "b":
            start = max(start, stop - size)
            view.stop = start
        else:
            stop = min(stop, start + (size if kind == "f" else 1))
            view.start = stop
        last = view.start == view.stop
        if last:
            self.views.remove(view)
        chunk, effect = self._chunk(kind, view, start, stop, is_good=is_good)
        head = [kind, view.lease, int(last), view.rid, start]
        self._exchange_twice(view, [*head, *chunk], effect, (start, stop), last=last)

    def _chunk(
        self, kind: str, view: View, start: int, stop: int, *, is_good: bool
    ) -> tuple[list[Any], Any]:
        def die(i: int, _: Member) -> None:
            self.model.die(view.rid, i, counted=True)

        def retry(_: int, one: Member) -> None:
            one.wait("r", "sched")
            one.retries += 1

        def back(i: int, one: Member) -> None:
            one.wait("p", "ready")
            one.was_seen = one.was_seen and i != start

        if kind == "d":
            return ["signal 9"], die
        if kind == "r":
            return [HOUR_MS, b"error"], retry
        if kind == "b":
            return [stop, 0], back
        letter = "S" if is_good else "F"
        bodies = {i: self._next("v").encode() for i in range(start, stop)}
        return (
            [letter * (stop - start), 1000, *bodies.values()],
            lambda i, one: one.end(letter, bodies[i]),
        )

    def _exchange_twice(
        self, view: View, chunk: list[Any], effect: Any, bounds: tuple[int, int], *, last: bool
    ) -> None:
        """Hand in; then again, as if the reply had been lost."""
        # What has finished carries no id where nothing else is handed in: it does no harm twice.
        hand_in = "" if chunk[0] == "f" else self._next("h")
        for is_again in (False, True):
            held = self.model.holds(view.lease, last=last and not (is_again and hand_in))
            for i, one in list(self.model.mine(view.lease, view.rid, *bounds)) if held else ():
                if not (is_again and hand_in):
                    effect(i, one)
            self.model.begin(beat=False)
            dropped = self.hands[view.worker].exchange(chunk, hand_in=hand_in).dropped
            assert dropped == int(not held and not (is_again and hand_in)), "2 fencing: dropped"
            self.audit.check(self.model)

    @precondition(lambda self: self.views)
    @rule(pick=PICK)
    def report(self, pick: int) -> None:
        view = self.views[pick % len(self.views)]
        held = view.lease in self.model.leases and view.rid in self.model.records
        item = ["s", view.lease, view.rid, view.start, 5]
        assert self._run("report", view.worker, "", *item) == int(not held), "2 fencing: report"
        if held:
            self.model.records[view.rid].members[view.start].was_seen = True
        self.audit.check(self.model)

    @rule(worker=st.sampled_from(WORKERS))
    def beat(self, worker: str) -> None:
        mine = [one for one in self.views if one.worker == worker]
        expected = [item for view in mine for item in self._told(view)]
        self.model.renew([one.lease for one in mine])
        self.model.begin(beat=True)
        told = self.hands[worker].beat(*(one.lease for one in mine))
        assert told == expected, "7 a heartbeat tells what is lost and what is revoked"
        self.audit.check(self.model)

    def _told(self, view: View) -> list[tuple[Any, ...]]:
        name = view.lease.encode()
        if view.lease not in self.model.leases:
            return [(b"l", name)]
        lease, entry = self.model.leases[view.lease], self.model.records.get(view.rid)
        return [
            (b"x", name, i, entry.members[i].signal.encode())
            for i in range(lease.start, lease.stop if entry else 0)
            if entry.members[i].state == "R" and entry.members[i].signal
        ]

    # Time

    @precondition(lambda self: self.model.leases)
    @rule(pick=PICK)
    def lapse(self, pick: int) -> None:
        """Nobody renews a lease in time; its worker may still live."""
        leases = list(self.model.leases.values())
        lease = leases[pick % len(leases)]
        self.count += 1
        lease.lapsed = self.count
        self.redis.zadd(f"{self.store.keys.prefix}lease", {lease.name: self.count}, xx=True)

    @rule()
    def pass_time(self) -> None:
        """All that waits for its time is due."""
        key = f"{self.store.keys.prefix}sched"
        for name in self.redis.zrange(key, 0, -1):
            self.redis.zadd(key, {name: 1})
        for entry in self.model.records.values():
            for one in entry.members:
                one.is_due = one.is_due or one.place == "sched"

    @precondition(lambda self: self.model.leases)
    @rule(is_over=st.booleans())
    def gap(self, *, is_over: bool) -> None:
        """Redis was away; or the time that workers got for it is over."""
        if is_over:
            self.redis.delete(f"{self.store.keys.prefix}grace")
            self.model.grace = False
        elif self.redis.exists(f"{self.store.keys.prefix}beat"):
            self.redis.set(f"{self.store.keys.prefix}beat", 1, keepttl=True)
            self.model.gap = True

    def teardown(self) -> None:
        """3 every member ends: the workers die, another comes and does the rest."""
        try:
            self._drain()
        finally:
            for hand in self.hands.values():
                hand.link.close()
            for key in self.redis.scan_iter(f"{self.store.keys.prefix}*"):
                self.redis.delete(key)
            self.redis.close()

    def _drain(self) -> None:
        while any(not one.is_whole for one in self.model.records.values()):
            self.send_more(0, 4)
        self.views.clear()
        for _ in range(8):
            self.gap(is_over=True)
            for _ in range(len(self.model.leases)):
                self.lapse(0)
            self.pass_time()
            self.take("w1", 3, 9)
            while self.views:
                self.hand_in(pick=0, kind="f", size=9, is_good=True)
        self.audit.check_end(self.model)
