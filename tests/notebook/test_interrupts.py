"""The stop button: what waits ends at once, and what it waited for is revoked."""

import re
import signal
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from patience import wait_until

SOON_S = 3.0
SOON = "asyncio.get_running_loop().call_later(0.01, touch, waits)"
WAITS = {
    "a blocking cell": "%%task held -b\nhold(flag)",
    "a blocking loop": "%%task held -b --for n in range(3)\nhold(flag)",
    "an expression": "held = %task -b -- hold(flag)",
    "get": "_held.get()",
    "get of a group": "_group.get()",
    "as they end, of a group": "for one in _group.as_completed(): pass",
    "the parts of a stream": "for part in _held.stream(): pass",
    "await": f"{SOON}\nawait _held",
    "await of a group": f"{SOON}\nawait _group",
    "await as they end, of a group": f"{SOON}\nasync for one in _group.as_completed(): pass",
    "await the parts of a stream": f"{SOON}\nasync for part in _held.stream(): pass",
}
SETUP = """
import asyncio, os, sys, threading
def hold(flag):
    import os, threading
    open(flag, "w").close()
    threading.Event().wait(30)
def touch(path):
    open(path, "w").close()
def tell(path, module, function):
    "Touch a file as soon as the main thread is in a function."
    main = threading.main_thread().ident
    def look():
        pause = threading.Event()
        while not pause.wait(0.003):
            frame = sys._current_frames()[main]
            while frame is not None:
                if (frame.f_globals.get("__name__"), frame.f_code.co_name) == (module, function):
                    return touch(path)
                frame = frame.f_back
    threading.Thread(target=look, daemon=True).start()
"""


@pytest.fixture
def flag(kernel, tmp_path):
    """A file that is there once a worker runs a task that would take half a minute."""
    path = tmp_path / "flag"
    kernel.ok(f"{SETUP}\nflag, waits = {str(path)!r}, {str(tmp_path / 'waits')!r}")
    return path


def start(kernel, name, flag):
    """Begin to wait, in a cell; its id, once it waits and a worker runs the task."""
    code = WAITS[name]
    if "_group" in code:
        kernel.ok("%%task _group --for n in range(3)\nhold(flag)")
    elif "_held" in code:
        kernel.ok("%%task _held\nhold(flag)")
    if SOON not in code:
        place = "result.stream', '_wait" if "stream" in code else "waiting', 'receive"
        kernel.ok(f"tell(waits, 'nbtasks.{place}')")
    cell = kernel.start(code)
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    waits = flag.with_name("waits")
    wait_until(lambda: kernel.read() and waits.exists(), "the kernel waits")
    return cell


@pytest.mark.parametrize("name", WAITS)
def test_an_interrupt_ends_the_wait_and_revokes_the_task(kernel, flag, name):
    cell = start(kernel, name, flag)
    kernel.manager.interrupt_kernel()

    shown = kernel.finish(cell, SOON_S)

    assert shown.error == "KeyboardInterrupt"
    assert "was revoked" in shown.traceback
    left = kernel.ok("_task.get(9, propagate=False)").value
    assert left.count("TaskRevoked") == (3 if "group" in name or "loop" in name else 1)
    assert kernel.ok("%%task -b\n'free'").value == "'free'"


@pytest.mark.parametrize("name", ["a blocking cell", "get", "await"])
def test_a_second_interrupt_leaves_the_task_running_and_says_so(kernel, flag, name):
    kernel.ok(f"tell({str(flag.with_name('first'))!r}, 'nbtasks.interrupts', 'give_up')")
    cell = start(kernel, name, flag)
    kernel.manager.interrupt_kernel()
    wait_until(flag.with_name("first").exists, "the first interrupt has come")
    kernel.manager.interrupt_kernel()

    shown = kernel.finish(cell, SOON_S)

    assert shown.error == "KeyboardInterrupt"
    assert "goes on, because a second interrupt came" in shown.traceback
    # The worker reports what has run for a while; two interrupts may come before that.
    wait_until(lambda: "STARTED" in kernel.ok("_task.state").value, "it is told to run")
    kernel.ok("_task.revoke(terminate=True)")
    assert kernel.ok("%%task -b\n'free'").value == "'free'"


@contextmanager
def no_answers(kernel):
    """The server of a kernel stands still."""
    lock = Path(kernel.home) / "server" / "server.lock"
    server = psutil.Process(int(lock.read_text().split()[0]))
    server.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.send_signal(signal.SIGCONT)


def test_a_second_interrupt_ends_a_revoke_that_hangs(kernel, flag):
    asked = flag.with_name("asked")
    kernel.ok(f"tell({str(asked)!r}, 'nbtasks.result.single', 'revoke')")
    cell = start(kernel, "get", flag)
    with no_answers(kernel):
        kernel.manager.interrupt_kernel()
        wait_until(asked.exists, "it is being revoked")
        kernel.manager.interrupt_kernel()
        shown = kernel.finish(cell, SOON_S)

    assert shown.error == "KeyboardInterrupt"
    assert "may go on: a second interrupt came while it was being revoked" in shown.traceback
    kernel.ok("_task.revoke(terminate=True)")
    assert kernel.ok("%%task -b\n'free'").value == "'free'"


@pytest.mark.parametrize("name", ["_held", "_group"])
def test_an_await_that_takes_too_long_revokes_nothing(kernel, flag, name):
    kernel.ok("%%task _held\nhold(flag)")
    kernel.ok("%%task _group --for n in range(3)\nhold(flag)")
    wait_until(lambda: kernel.read() and flag.exists(), "a worker runs it")
    code = f"import asyncio\ntry:\n    await asyncio.wait_for({name}, 0.3)\nexcept TimeoutError:\n"
    kernel.ok(f"{code}    print('late')")
    state = "_held.state, [one.state for one in _group]"
    assert "REVOKED" not in kernel.ok(state).value
    kernel.ok("_held.revoke(terminate=True), _group.revoke(terminate=True)")


def test_an_interrupt_while_an_await_has_a_time_limit_revokes(kernel, flag):
    kernel.ok("%%task _held\nhold(flag)")
    cell = kernel.start(f"{SOON}\nawait asyncio.wait_for(_held, 60)")
    for path in (flag, flag.with_name("waits")):
        wait_until(lambda path=path: kernel.read() and path.exists(), f"{path.name} is there")
    kernel.manager.interrupt_kernel()
    assert kernel.finish(cell, SOON_S).error in {"KeyboardInterrupt", "CancelledError"}
    assert "TaskRevoked" in kernel.ok("_held.get(9, propagate=False)").value


def test_the_board_of_what_was_interrupted_says_revoked(kernel, flag):
    cell = start(kernel, "a blocking cell", flag)
    kernel.manager.interrupt_kernel()
    shown = kernel.finish(cell, SOON_S)

    wait_until(
        lambda: kernel.read() and "held REVOKED" in shown.displays[0]["text/plain"], "it is revoked"
    )


def test_the_traceback_of_an_interrupt_is_short_and_not_ours(kernel, flag):
    cell = start(kernel, "a blocking cell", flag)
    kernel.manager.interrupt_kernel()

    assert not re.search(r"nbtasks|result\.py", kernel.finish(cell, SOON_S).traceback)


def test_an_interrupt_while_waiting_for_a_worker_revokes_too(kernel):
    cell = kernel.start("%%task -b -q nobody\n1")
    wait_until(lambda: kernel.read() and kernel.cells[cell].displays, "the board is there")
    kernel.manager.interrupt_kernel()

    assert kernel.finish(cell, SOON_S).error == "KeyboardInterrupt"
    assert kernel.ok("_task.get(9, propagate=False)").value.count("TaskRevoked(") == 1


def test_an_interrupt_between_sending_and_waiting_revokes_too(kernel):
    kernel.ok("session = get_ipython().magics_manager.registry['NbTasksMagics'].session")
    kernel.ok("def stop(*args, **options): raise KeyboardInterrupt\nsession.add = stop")

    cell = kernel.run("%%task -b -q nobody\n1")
    kernel.ok("del session.add")

    assert re.match(r"KeyboardInterrupt: 'cell-\d+' was revoked", cell.traceback)
    assert kernel.ok("_task.get(9, propagate=False)").value.count("TaskRevoked(") == 1
