"""Holding the store against the model: the invariants that hold after every script."""

from collections import Counter
from typing import Any

from model import Entry, Model
from servers import leaks

from nbtasks.store.keys import Keys


class Audit:
    """Looks at the keys of one app."""

    def __init__(self, redis: Any, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self.followed: dict[str, dict[str, list[str]]] = {}
        self._last: dict[str, bytes] = {}

    def check(self, model: Model) -> None:
        places = {name: self._places(name) for name in ("ready", "sched", "lease")}
        for entry in model.records.values():
            if entry.stored:
                self._check_record(entry)
                self._check_places(entry, places)
        self._check_leases(model)
        self._check_events(model)
        self._check_lists(model)

    def _check_record(self, entry: Entry) -> None:
        key, rid = self.keys.record(entry.rid), entry.rid
        pipe = self.redis.pipeline(transaction=False)
        pipe.hgetall(key).get(f"{self.keys.prefix}s:{rid}").pttl(key)
        fields, states, ttl = pipe.pttl(f"{self.keys.prefix}s:{rid}").execute()[:3]
        assert states == entry.states.encode(), "1 lost, 2 overwritten or 7 not durable"
        assert int(fields[b"left"]) == entry.left, "`left` is how many have not finished"
        has_ttl = entry.left == 0 or not entry.is_whole
        assert (ttl > 0) == has_ttl, "8 only what has ended, or is half sent, expires"
        for i, one in enumerate(entry.members[: entry.stored]):
            body = one.value if one.state == "S" else one.argument
            assert fields[b"m%d" % i] == body, "2 fencing: a value of somebody else's"
            if one.state == "F" and one.value:
                assert fields[b"e%d" % i] == one.value, "2 fencing: an error of somebody else's"
            assert int(fields.get(b"d%d" % i, 0)) == one.deaths, "6 deaths"
            assert int(fields.get(b"k%d" % i, 0)) == one.retries, "retries"

    def _places(self, name: str) -> Counter[tuple[str, int]]:
        """How many slices of a kind each member is in."""
        found: Counter[tuple[str, int]] = Counter()
        names = [f"{self.keys.prefix}{name}"]
        if name == "ready":
            names = [self.keys.ready("default"), self.keys.ready("default!")]
        for key in names:
            for slice_ in self.redis.zrange(key, 0, -1):
                rid, start, stop = slice_.decode().split(":")[:3]
                found.update((rid, i) for i in range(int(start), int(stop)))
        return found

    def _check_places(self, entry: Entry, places: dict[str, Counter[tuple[str, int]]]) -> None:
        for i, one in enumerate(entry.members[: entry.stored]):
            if one.is_finished:
                continue
            at = (entry.rid, i)
            waits = {name: places[name][at] for name in ("ready", "sched")}
            expected = {name: int(one.place == name) for name in waits}
            assert waits == expected, f"4 {one.state} is queued exactly once: {at}"
            if one.place == "lease":
                assert places["lease"][at] >= 1, "5 what runs is under a lease"

    def _check_leases(self, model: Model) -> None:
        found = {name.decode() for name in self.redis.zrange(f"{self.keys.prefix}lease", 0, -1)}
        assert found == set(model.leases), "2 fencing: who holds what"
        for name in ("default", "default!"):
            if self.redis.exists(self.keys.ready(name)):
                assert self.redis.exists(self.keys.wake(name)), "somebody is woken for what waits"

    def _check_lists(self, model: Model) -> None:
        found = {name.decode() for name in self.redis.zrange(f"{self.keys.prefix}dead", 0, -1)}
        assert found == model.dead, "6 the dead set"
        needed = sum(one.is_whole and one.left > 0 for one in model.records.values())
        refs = int(self.redis.hget(f"{self.keys.prefix}refs", "c0de") or 0)
        assert refs == needed, "8 code is kept for as long as it is needed"
        if needed:
            assert self.redis.ttl(self.keys.code("c0de")) == -1, "8 code that is needed stays"

    def follow(self, client: str, rid: str, states: str) -> None:
        self.followed.setdefault(client, {})[rid] = list(states)

    def _check_events(self, model: Model) -> None:
        for client, records in self.followed.items():
            self._read(client, records)
            for rid, states in records.items():
                if rid in model.records:
                    told = [state if state in "SFR" else "-" for state in states]
                    is_so = [s if s in "SFR" else "-" for s in model.records[rid].states]
                    assert told == is_so, "events tell the same ends as the store"

    def _read(self, client: str, records: dict[str, list[str]]) -> None:
        key = self.keys.events(client)
        after = b"(" + self._last[client] if client in self._last else b"-"
        for name, fields in self._entries(key, after):
            self._last[client] = name
            at = 0
            while at < len(fields) and fields[at]:
                stop = at + 2 + int(fields[at + 1])
                apply(fields[at], fields[at + 2 : stop], records)
                at = stop

    def _entries(self, key: str, after: bytes) -> list[tuple[bytes, list[bytes]]]:
        # As a list: redis-py makes a dict of the fields, and these are no pairs.
        link = self.redis.connection_pool.get_connection()
        try:
            link.send_command("XRANGE", key, after, "+")
            return link.read_response(disable_decoding=True)
        finally:
            self.redis.connection_pool.release(link)

    def check_end(self, model: Model) -> None:
        for entry in model.records.values():
            assert not entry.left, f"3 every member ends: {entry.rid} {entry.states}"
        for name in ("ready:default", "ready:default!", "sched", "lease", "refs"):
            assert not self.redis.exists(f"{self.keys.prefix}{name}"), f"{name} is left behind"
        assert leaks(self.redis, self.keys.prefix) == [], "8 keys without TTL or owner"
        inside = set(self.redis.scan_iter(f"{self.keys.prefix}*"))
        assert inside == set(self.redis.scan_iter(f"*{self.keys.app}*")), "9 one hash tag"


def apply(kind: bytes, item: list[bytes], records: dict[str, list[str]]) -> None:
    """What an event says about the state of a member."""
    rid = item[0].decode()
    if rid not in records or kind not in {b"f", b"q", b"b", b"r"}:
        return
    start = int(item[1])
    states = item[2].decode() if kind == b"f" else {b"q": "p", b"r": "r", b"b": "p"}[kind]
    records[rid][start : start + len(states)] = states
