"""The stop button: what waits ends at once, and what it waited for is revoked."""

import re

import pytest
from patience import wait_until

SOON_S = 3.0
WAITS = {
    "a blocking cell": "%%task held -b\nhold(flag)",
    "a blocking loop": "%%task held -b --for n in range(3)\nhold(flag)",
    "an expression": "held = %task -b -- hold(flag)",
    "get": "_held.get()",
    "get of a group": "_group.get()",
    "await": "await _held",
    "await of a group": "await _group",
}
SETUP = """
import os, threading
def hold(flag):
    import os, threading
    open(flag, "w").close()
    threading.Event().wait(30)
"""


@pytest.fixture
def flag(kernel, tmp_path):
    """A file that is there once a worker runs a task that would take half a minute."""
    path = tmp_path / "flag"
    kernel.ok(f"{SETUP}\nflag = {str(path)!r}")
    return path


def start(kernel, name):
    """Begin to wait, in a cell; its id."""
    if name.startswith(("get", "await")):
        kernel.ok("%%task _held\nhold(flag)" if "group" not in name else "held = None")
        if "group" in name:
            kernel.ok("%%task _group --for n in range(3)\nhold(flag)")
    return kernel.start(WAITS[name])


@pytest.mark.parametrize("name", WAITS)
def test_an_interrupt_ends_the_wait_and_revokes_the_task(kernel, flag, name):
    cell = start(kernel, name)
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    kernel.manager.interrupt_kernel()

    shown = kernel.finish(cell, SOON_S)

    assert shown.error == "KeyboardInterrupt"
    left = kernel.ok("_task.get(3, propagate=False)", SOON_S).value
    assert left.count("TaskRevoked") == (3 if "group" in name or "loop" in name else 1)
    assert kernel.ok("%%task -b\n'free'", SOON_S).value == "'free'"


@pytest.mark.parametrize("name", ["_held", "_group"])
def test_an_await_that_takes_too_long_revokes_nothing(kernel, flag, name):
    kernel.ok("%%task _held\nhold(flag)")
    kernel.ok("%%task _group --for n in range(3)\nhold(flag)")
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    code = f"import asyncio\ntry:\n    await asyncio.wait_for({name}, 0.3)\nexcept TimeoutError:\n"
    kernel.ok(f"{code}    print('late')", SOON_S)
    state = "_held.state, [one.state for one in _group]"
    assert "REVOKED" not in kernel.ok(state, SOON_S).value
    kernel.ok("_held.revoke(terminate=True), _group.revoke(terminate=True)", SOON_S)


def test_an_interrupt_while_an_await_has_a_time_limit_revokes(kernel, flag):
    kernel.ok("%%task _held\nhold(flag)")
    cell = kernel.start("import asyncio\nawait asyncio.wait_for(_held, 60)")
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    kernel.manager.interrupt_kernel()
    assert kernel.finish(cell, SOON_S).error in {"KeyboardInterrupt", "CancelledError"}
    assert "TaskRevoked" in kernel.ok("_held.get(3, propagate=False)", SOON_S).value


def test_the_board_of_what_was_interrupted_says_revoked(kernel, flag):
    cell = start(kernel, "a blocking cell")
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    kernel.manager.interrupt_kernel()
    shown = kernel.finish(cell, SOON_S)

    wait_until(
        lambda: kernel.read() and "1 REVOKED" in shown.displays[0]["text/plain"], "it is revoked"
    )


def test_the_traceback_of_an_interrupt_is_short_and_not_ours(kernel, flag):
    cell = start(kernel, "a blocking cell")
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    kernel.manager.interrupt_kernel()

    assert not re.search(r"nbtasks|result\.py", kernel.finish(cell, SOON_S).traceback)


def test_two_interrupts_hang_nothing(kernel, flag):
    cell = start(kernel, "a blocking cell")
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    kernel.manager.interrupt_kernel()
    kernel.manager.interrupt_kernel()

    assert kernel.finish(cell, SOON_S).error == "KeyboardInterrupt"
    assert kernel.ok("1 + 1", SOON_S).value == "2"
    kernel.ok("_task.revoke(terminate=True)")
    assert kernel.ok("%%task -b\n'free'", SOON_S).value == "'free'"


def test_an_interrupt_while_waiting_for_a_worker_revokes_too(kernel):
    cell = kernel.start("%%task -b -q nobody\n1")
    wait_until(lambda: kernel.read() and kernel.cells[cell].displays, "the board is there")
    kernel.manager.interrupt_kernel()

    assert kernel.finish(cell, SOON_S).error == "KeyboardInterrupt"
    assert kernel.ok("_task.get(3, propagate=False)").value.count("TaskRevoked(") == 1


def test_an_interrupt_between_sending_and_waiting_revokes_too(kernel):
    kernel.ok("session = get_ipython().magics_manager.registry['NbTasksMagics'].session")
    kernel.ok("def stop(*args, **options): raise KeyboardInterrupt\nsession.add = stop")

    cell = kernel.run("%%task -b -q nobody\n1")
    kernel.ok("del session.add")

    assert re.fullmatch(r"KeyboardInterrupt: 'cell-\d+' was revoked", cell.traceback)
    assert kernel.ok("_task.get(3, propagate=False)").value.count("TaskRevoked(") == 1
