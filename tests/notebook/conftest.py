"""A kernel for the tests of a module; and boards without one, with a wire in place of a browser."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import comm
import pytest
from board_side import Clock, EventThread, Wire
from comm.base_comm import BaseComm
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from kernel_side import Kernel
from traitlets.config import Config

from nbtasks.notebook.board import Board
from nbtasks.notebook.feed import Feed

RUN_CELLS = {"colab", "kernel", "start_kernel", "environment"}
"""The fixtures of tests that run cells: `make test-kernels` repeats these with other ipykernels."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the tests that run cells."""
    for item in items:
        if RUN_CELLS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("kernel")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the magics and one local worker."""
    found = Kernel(tmp_path_factory.mktemp("k"))
    found.ok("%load_ext nbtasks")
    found.ok("%broker --start 1")
    yield found
    found.close()


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Start kernels with the magics, and nothing else: `start_kernel(NBTASKS_KEY="k")`."""
    kernels: list[Kernel] = []

    def start(**environment: str) -> Kernel:
        kernels.append(Kernel(tmp_path, **environment))
        kernels[-1].ok("%load_ext nbtasks")
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """What goes to the browser."""
    found = Wire()

    class RecordingComm(BaseComm):
        def publish_msg(
            self,
            msg_type: Any,
            data: Any = None,
            metadata: Any = None,
            buffers: Any = None,
            **keys: Any,
        ) -> None:
            del metadata, keys
            assert json.dumps(data) is not None
            found.messages.append((msg_type, data, [bytes(one) for one in buffers or ()]))

    def create(**keys: Any) -> BaseComm:
        found.comms.append(RecordingComm(**keys))
        return found.comms[-1]

    monkeypatch.setattr(comm, "create_comm", create)
    return found


@pytest.fixture
def shown() -> Iterator[list[dict[str, Any]]]:
    """What was displayed, each with its display id and whether it updates another."""
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.display_pub = CapturingDisplayPublisher(shell=shell)
    yield shell.display_pub.outputs
    InteractiveShell.clear_instance()


@pytest.fixture
def thread() -> EventThread:
    """What calls the feed."""
    return EventThread()


@pytest.fixture
def make(request: pytest.FixtureRequest, thread: EventThread) -> Callable[..., Board]:
    """Makes boards of records."""
    request.getfixturevalue("wire")
    request.getfixturevalue("shown")
    feed = Feed(thread)

    def board(
        *records: Any, kind: Any = Board, cancel: Any = lambda _members: None, **options: Any
    ) -> Board:
        return kind(records, title="scores", cancel=cancel, feed=feed, clock=Clock(), **options)

    return board
