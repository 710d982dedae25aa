"""A child whose parent is gone has nobody to tell: it says nothing, and ends when it reads that."""

import queue
import socket
from contextlib import closing
from dataclasses import astuple

import pytest
from patience import wait_until

from nbtasks.clock import SystemClock
from nbtasks.signing import Signer
from nbtasks.worker.coroutines import Coroutines
from nbtasks.worker.frames import FrameReader, send_frame
from nbtasks.worker.library import Library
from nbtasks.worker.memory import MemoryWatch
from nbtasks.worker.outbox import Outbox
from nbtasks.worker.work import WORK, Cells, ChildSettings, Work
from nbtasks.worker.yielding import Window

CLOCK = SystemClock()


def work(number, *, is_async):
    return Work(number, number, "rid", 1, 0, b"no header", "code", 0, is_async, [b"-"], None)


@pytest.fixture
def ends():
    mine, parents = socket.socketpair()
    parents.shutdown(socket.SHUT_RD)  # what the child sends cannot arrive; it cannot read that yet
    with closing(mine), closing(parents):
        yield mine, parents


def test_a_coroutine_that_ends_without_its_parent_leaves_no_traceback(ends, caplog):
    mine, parents = ends
    given = queue.SimpleQueue()
    settings = ChildSettings(worker="w", signer=Signer(b"k" * 32, "app"), max_value=1000)
    library = Library(settings, CLOCK)
    watch = MemoryWatch(0, CLOCK)
    outbox, numbers = Outbox(mine, CLOCK), Cells().numbers
    loop = Coroutines(
        FrameReader(mine), given.put, library, outbox, watch,
        numbers=numbers, window=Window(numbers),
    )  # fmt: skip
    loop.start(library.slice(work(1, is_async=True)))
    for number in (2, 3):  # two rounds of the loop: the coroutine has run in between
        send_frame(parents, (WORK, *astuple(work(number, is_async=False))))
        assert given.get(timeout=10).work.delivery == number
    parents.close()
    assert given.get(timeout=10) is None
    assert not caplog.records


def test_a_result_that_waits_for_a_gone_parent_is_dropped_without_a_word(ends):
    outbox = Outbox(ends[0], CLOCK)
    outbox.begin(1, 0, members=2)
    outbox.result(1, b"a value")  # not the last one: a thread sends it after a moment
    wait_until(lambda: not outbox._states, "the thread has tried")
    outbox.result(1, b"the last")
    with pytest.raises(BrokenPipeError):
        outbox.flush()
