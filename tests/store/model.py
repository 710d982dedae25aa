"""What the scripts should do, in plain Python: one app, its records, and who holds what."""

from collections.abc import Iterator
from dataclasses import dataclass, field

UNFINISHED = "psr"
OWNER = 12

UNSEEN = 5
"""How often a member may be lost without having been seen to run, before it is counted."""


@dataclass
class Member:
    """One task. `place` is where it is: "ready", "sched", "lease" or nowhere."""

    argument: bytes
    state: str = "p"
    place: str = ""
    lease: str = ""
    value: bytes = b""
    deaths: int = 0
    retries: int = 0
    requeues: int = 0
    nonce: str = ""
    was_seen: bool = False
    unseen: int = 0
    signal: str = ""
    is_due: bool = False

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED

    def wait(self, state: str, place: str) -> None:
        self.state, self.place, self.lease, self.is_due = state, place, "", False

    def end(self, state: str, value: bytes = b"") -> None:
        self.state, self.value, self.place, self.lease = state, value, "", ""


@dataclass
class Entry:
    """A record: all its members, and how many of them have been sent."""

    rid: str
    cap: int
    is_late: bool
    members: list[Member]
    stored: int = 0

    @property
    def left(self) -> int:
        return sum(not one.is_finished for one in self.members)

    @property
    def is_whole(self) -> bool:
        return self.stored == len(self.members)

    @property
    def states(self) -> str:
        return "".join(one.state for one in self.members)

    def is_suspect(self, i: int) -> bool:
        return 0 < self.members[i].deaths >= self.cap - 1


@dataclass
class Lease:
    """A slice that somebody was given: the store's view of it."""

    name: str
    owner: str
    rid: str
    start: int
    stop: int
    lapsed: int = 0


@dataclass
class Model:
    """The app."""

    records: dict[str, Entry] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    suspects: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    gap: bool = False
    grace: bool = False

    def store_chunk(self, rid: str, start: int, stop: int) -> int:
        """A chunk arrives; how many members are stored then."""
        entry = self.records[rid]
        if entry.stored == start:
            entry.stored = stop
            for one in entry.members[start:stop]:
                one.place = "sched" if entry.is_late else "ready"
        return entry.stored

    def lease_out(self, lease: Lease, *, is_suspect: bool) -> None:
        self.leases[lease.name] = lease
        for one in self.records[lease.rid].members[lease.start : lease.stop]:
            one.state, one.place, one.lease = "s", "lease", lease.name
        if is_suspect:
            self.suspects[lease.owner] = lease.name

    def holds(self, name: str, *, last: bool) -> bool:
        """2 fencing: whether what comes with this lease counts; the last ends it."""
        held = name in self.leases
        if last:
            self.leases.pop(name, None)
        return held

    def mine(self, name: str, rid: str, start: int, stop: int) -> Iterator[tuple[int, Member]]:
        """The members of a range that this lease has, and that have not finished."""
        entry = self.records.get(rid)
        for i in range(start, stop) if entry else ():
            if entry.members[i].state == "s" and entry.members[i].lease == name:
                yield i, entry.members[i]

    def die(self, rid: str, i: int, *, counted: bool) -> None:
        entry = self.records[rid]
        one = entry.members[i]
        one.deaths += counted or entry.cap == 1
        if one.deaths < entry.cap:
            one.wait("p", "ready")
            one.was_seen = False
        else:
            one.end("F")
            self.dead.add(f"{rid}:{i}:{i + 1}")

    def renew(self, names: list[str]) -> None:
        for name in names:
            if name in self.leases:
                self.leases[name].lapsed = 0

    def begin(self, *, beat: bool) -> None:
        """What every exchange and heartbeat sees to: what is due, and lapsed leases."""
        if beat:
            self.grace, self.gap = self.grace or self.gap, False
        for entry in self.records.values():
            for one in entry.members:
                if one.place == "sched" and one.is_due:
                    one.place = "ready"
        lapsed = sorted((one for one in self.leases.values() if one.lapsed), key=order)
        if lapsed and self.gap:
            self.grace, self.gap = True, False
        for lease in () if self.grace else lapsed:
            self._lose(lease)

    def _lose(self, lease: Lease) -> None:
        del self.leases[lease.name]
        suspect = self.suspects.get(lease.owner, "")
        if suspect == lease.name:
            self.suspects[lease.owner] = "lost"
        innocent = suspect != lease.name and (suspect == "lost" or suspect in self.leases)
        lost = list(self.mine(lease.name, lease.rid, lease.start, lease.stop))
        for i, one in lost:
            one.unseen += not one.was_seen
            ran = one.was_seen or one.unseen > UNSEEN
            self.die(lease.rid, i, counted=ran and not innocent)

    def revoke(self, rid: str, start: int, stop: int, signal: str) -> int:
        spared = "s" if signal == "-" else ""
        found = [
            one
            for one in self.records[rid].members[start:stop]
            if not one.is_finished and one.state != spared
        ]
        for one in found:
            one.signal = signal if one.state == "s" else one.signal
            one.end("R")
        return len(found)

    def requeue(self, rid: str, indices: list[int], nonce: str) -> list[int]:
        for i in indices:
            one = self.records[rid].members[i]
            if one.nonce != nonce and one.state == "F":
                one.wait("p", "ready")
                one.deaths = one.retries = one.unseen = 0
                one.was_seen, one.signal, one.nonce = False, "", nonce
                one.requeues += 1
                self.dead.discard(f"{rid}:{i}:{i + 1}")
        members = [self.records[rid].members[i] for i in indices]
        return [one.requeues if one.nonce == nonce else 0 for one in members]

    def forget(self, rid: str) -> int:
        if rid not in self.records:
            return 0
        if self.records[rid].left:
            return -1
        del self.records[rid]
        return 1

    def ready(self, *, suspects: bool) -> int:
        """How many members a worker may take."""
        return sum(
            one.place == "ready" and (suspects or not entry.is_suspect(i))
            for entry in self.records.values()
            for i, one in enumerate(entry.members)
        )


def order(lease: Lease) -> int:
    return lease.lapsed
