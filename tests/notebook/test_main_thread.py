"""Front ends that take updates from the main thread only, as Colab does."""

import pytest
from board_side import EventThread, record, succeed
from kernel_side import Kernel
from patience import wait_until

from nbtasks.notebook.feed import HERE_MS, Feed

LISTEN = """
import threading
from nbtasks.notebook.widget import LiveWidget
senders = []
plain_send = LiveWidget.send
def send(self, content, buffers=None):
    senders.append(threading.current_thread() is threading.main_thread())
    plain_send(self, content, buffers)
LiveWidget.send = send
"""
STEPS = """%%task steps
import pathlib, threading
from nbtasks import track
for _ in track(range(1_000_000)):
    threading.Event().wait(0.02)
    if pathlib.Path(gate).exists():
        break
"""


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A kernel that is told what Colab's is known by."""
    found = Kernel(tmp_path_factory.mktemp("k"), NBTASKS_UI_FLUSH="main")
    found.ok("%load_ext nbtasks\n%broker --start 1")
    found.ok(LISTEN)
    yield found
    found.close()


@pytest.mark.parametrize("wait", ["steps.get()", "await steps"])
def test_boards_move_while_the_main_thread_waits_and_no_other_one_sends(colab, wait, tmp_path):
    gate = tmp_path / "gate"
    colab.ok(f"senders.clear()\ngate = {str(gate)!r}")
    colab.ok(STEPS)
    message = colab.start(wait)
    before = colab.messages
    wait_until(lambda: colab.read() and colab.messages > before + 6, "the board moves")
    gate.touch()
    colab.finish(message)

    assert colab.ok("len(senders) > 3, set(senders)").value == "(True, {True})"


def test_what_has_ended_is_static_after_the_cell_that_came_next(colab):
    message = colab.start("%%task quick\n6 * 7")
    colab.finish(message)
    colab.ok("import threading\nwhile not quick.ready():\n    threading.Event().wait(0.02)")
    colab.read()

    assert "success" in colab.cells[message].displays[-1]["text/html"]


def test_a_feed_that_is_lent_sends_nothing_by_itself(make, wire):
    thread = EventThread()
    feed = Feed(thread, is_lent=True)
    one = record(3)
    board = make(one)
    board._feed = feed
    board.show("board")
    succeed(one, 1)

    assert thread.flush(0.0) is None
    feed.push(board)
    assert wire.custom() == []
    assert feed.flush_here() <= HERE_MS
    assert wire.custom()
