"""Changed results to a real client: `App.values` through a real Redis, and its event reader."""

import json
import logging
import subprocess
import sys
from collections import Counter
from itertools import islice

from fuzz.mutants import KEY, MEMBERS, OLD_KEY, Result, changed_results, results
from fuzz.oracle import Oracle
from nbtasks.app import App
from nbtasks.errors import NbTasksError
from nbtasks.live import LiveRecord
from nbtasks.states import SUCCESS

RID = "r1"


def fuzz_results(count: int, seed: int, mode: str, url: str) -> dict[str, object]:
    """The same in a process of its own, for the sake of its audit hook."""
    command = [sys.executable, "-m", "fuzz.values", str(count), str(seed), mode, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the client has ended: {done.stderr[-3000:]}")
    found: dict[str, object] = json.loads(done.stdout)
    return found


class Client:
    """A client whose record is given any state and body, in Redis and by events."""

    def __init__(self, url: str, mode: str) -> None:
        self.app = App(
            "main", broker=url, key=[KEY, OLD_KEY], encrypt=mode == "encrypted",
            serializer="json" if mode == "json" else "pickle",
        )  # fmt: skip
        self.store = self.app.store
        self.key = self.store.keys.record(RID)
        self.events = self.app.event_stream

    def stored(self, one: Result) -> object:
        """Read it as it is when it comes from Redis; an error is raised."""
        live = LiveRecord(RID, MEMBERS, "fit")
        live.states[one.index] = one.state
        field = f"{'m' if one.state == SUCCESS else 'e'}{one.index}"
        self.store.call("HSET", self.key, field, one.body)
        return self._read(live, one)

    def told(self, one: Result) -> object:
        """Read it as it is when it comes in an event."""
        live = LiveRecord(RID, MEMBERS, "fit")
        self.events._records[RID] = live  # followed, without a thread that reads
        item = [RID, str(one.index), bytes([one.state]), "w1", "5"]
        fields = [each.encode() if isinstance(each, str) else each for each in item]
        self.events._apply_entry([b"f", b"6", *fields, one.body], (5, 0))
        if not live.is_done(one.index):
            raise RuntimeError("the event was lost")
        return self._read(live, one)

    def _read(self, live: LiveRecord, one: Result) -> object:
        (found,) = self.app.values(live, [one.index])
        if isinstance(found, BaseException):
            raise found
        return found


def _way(read: object, one: Result) -> str:
    try:
        read(one)
    except NbTasksError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        return f"crash {type(error).__name__}: {error}"
    return "accepted"


def main() -> None:
    """Change results, read them, print what became of them."""
    logging.disable()
    count, seed, mode, url = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    oracle, client = Oracle(), Client(url, mode)
    ways: Counter[str] = Counter()
    oracle.watch(on=True)
    for one in results(mode, RID):
        ways[f"genuine {_way(client.stored, one)}"] += 1
        ways[f"genuine {_way(client.told, one)}"] += 1
    control = oracle.watch(on=False)
    stream = changed_results(seed, mode, RID)
    for one in islice(stream, 100):  # what is imported, or made genuine, at the first one
        _way(client.told, one)
    oracle.watch(on=True)
    for at, one in enumerate(islice(stream, count)):
        ways[_way(client.stored if at % 2 else client.told, one)] += 1
    seen = oracle.watch(on=False)
    client.store.call("UNLINK", client.key)
    crashes = sum(number for way, number in ways.items() if way.startswith("crash"))
    print(json.dumps({"what": "results", "mode": mode, "seed": seed, "count": count,
                      "ways": ways, "accepted": ways["accepted"], "seen": seen,
                      "crashes": crashes, "control": control}))  # fmt: skip


if __name__ == "__main__":
    main()
