"""What a child tells its parent: in an order in which nothing is lost."""

import socket

import pytest

from nbtasks.clock import SystemClock
from nbtasks.worker.frames import FrameReader
from nbtasks.worker.outbox import Outbox


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Outbox(ours, SystemClock()), FrameReader(theirs)
    ours.close()
    theirs.close()


def test_what_a_member_wrote_goes_before_its_result(ends):
    outbox, reader = ends
    outbox.begin(1, 0, 3)
    outbox.write(1, 0, "1", "sent at once")
    outbox.write(1, 0, "1", "held for a while")
    outbox.result(3, b"body")
    outbox.lend(1, 1)  # sends the results that there are
    messages = [reader.wait() for _ in range(4)]
    assert [message[0] for message in messages] == ["report", "report", "done", "lent"]
    assert messages[1][2] == [("o", 0, b"1held for a while")]
