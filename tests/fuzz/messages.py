"""Changed messages to a real child, over a real socket."""

import json
import random
import socket
import subprocess
import sys
from collections import Counter
from itertools import islice

from fuzz.mutants import Message, changed_messages, messages
from nbtasks.failure import read_failure
from nbtasks.signing import SYSTEM
from nbtasks.states import FAILURE, SUCCESS
from nbtasks.worker.frames import FrameReader, send_frame
from nbtasks.worker.work import WORK

IN_FLIGHT = 16


class Target:
    """A child in a process of its own, and the parent's end of its socket."""

    def __init__(self, mode: str) -> None:
        self.sock, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.child_side", str(theirs.fileno()), mode],
            pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        theirs.close()
        self._reader = FrameReader(self.sock)
        self._sent = 0
        self._done = 0

    def send(self, one: Message, *, is_async: bool = False) -> None:
        self._sent += 1
        place = (one.rid, 1, one.index, one.header, one.code)
        work = (WORK, self._sent, self._sent, *place, 0, is_async, [one.body], one.blob, one.inputs)
        send_frame(self.sock, work)

    def answer(self) -> tuple[int, bytes]:
        """State and body of the next member that has ended."""
        while True:
            message = self._reader.wait()
            if message is None:
                raise RuntimeError(f"the child has ended: {self.process.wait()}")
            if message[0] == "done":
                self._done += len(message[3])
                return message[3][0], message[5][0]

    def watch(self, *, on: bool) -> list[str]:
        """Let the audit hook begin or stop; what it has seen until now."""
        self.send(Message("oracle on" if on else "oracle off", 0, b"", "", b"", b""))
        self.answer()
        return list(iter(lambda: self.process.stderr.readline().rstrip("\n"), "--"))

    def close(self) -> int:
        self.sock.close()
        self.process.communicate(timeout=20)
        return self.process.returncode


def fuzz_messages(count: int, seed: int, mode: str) -> dict[str, object]:
    """Send so many changed messages; what became of them."""
    target = Target(mode)
    genuine = messages(mode)
    ways: Counter[str] = Counter()
    chance = random.Random(seed)
    sees = _control(target, genuine)
    stream = changed_messages(seed, mode)
    for one in islice(stream, 300):  # what is imported at the first error
        target.send(one)
        target.answer()
    target.watch(on=True)
    waiting = 0
    for one in islice(stream, count):
        target.send(one, is_async=chance.randrange(10) == 0)
        waiting += 1
        if waiting >= IN_FLIGHT:
            ways[_way(*target.answer())] += 1
            waiting -= 1
    for _ in range(waiting):
        ways[_way(*target.answer())] += 1
    seen = target.watch(on=False)
    _control(target, genuine)
    exit_code = target.close()
    return {"what": "messages", "mode": mode, "seed": seed, "count": count, "ways": dict(ways),
            "accepted": ways["accepted"], "seen": seen, "crashes": int(exit_code != 0),
            "control": sees}  # fmt: skip


def _control(target: Target, genuine: list[Message]) -> list[str]:
    """Genuine messages run, before and after, and the hook sees what they unpickle."""
    target.watch(on=True)
    for one in genuine:
        target.send(one)
        state, body = target.answer()
        if state != SUCCESS:
            raise RuntimeError(f"a genuine message was refused: {body!r}")
    return target.watch(on=False)


def _way(state: int, body: bytes) -> str:
    """How a message was refused; `accepted` where it was not."""
    if state != FAILURE:
        return "accepted"
    if body[:1] == SYSTEM:
        return str(json.loads(body[1:])["type"])
    if body[:1] == b"\1":
        return read_failure(memoryview(body)[17:]).type_name
    return "encrypted error"
