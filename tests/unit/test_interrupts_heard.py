"""Interrupts are counted on their way, and each handler gets its place back."""

import asyncio
import signal
import threading

import pytest

from nbtasks.interrupts import Interrupts


@pytest.fixture
def heard():
    """A handler of somebody else, and what it heard."""
    heard = []

    def handler(number, _):
        heard.append(number)

    before = signal.signal(signal.SIGINT, handler)
    yield heard
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_is_counted_and_passed_on(heard):
    interrupts, handler = Interrupts(), signal.getsignal(signal.SIGINT)
    with interrupts:
        signal.raise_signal(signal.SIGINT)
    assert (interrupts.count, heard) == (1, [signal.SIGINT])
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_last_one_out_puts_the_handler_back(heard):
    interrupts, handler = Interrupts(), signal.getsignal(signal.SIGINT)

    async def wait(until):
        with interrupts:
            await until.wait()

    async def run():
        first, second = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.ensure_future(wait(each)) for each in (first, second)]
        await asyncio.sleep(0)
        first.set()
        await tasks[0]
        signal.raise_signal(signal.SIGINT)
        second.set()
        await tasks[1]

    asyncio.run(run())
    assert (interrupts.count, len(heard)) == (1, 1)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_handler_that_came_later_is_not_taken_away(heard):
    interrupts, later = Interrupts(), []
    newer = lambda *_: later.append(1)  # noqa: E731 - the same object twice
    with interrupts:
        signal.signal(signal.SIGINT, newer)
        with interrupts:
            signal.raise_signal(signal.SIGINT)
    assert (interrupts.count, later, heard) == (1, [1], [])
    assert signal.getsignal(signal.SIGINT) is newer


def test_handlers_that_call_each_other_come_to_an_end(heard):
    interrupts = Interrupts()
    with interrupts:
        ours = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda number, frame: ours(number, frame) or None)
        with interrupts:
            signal.raise_signal(signal.SIGINT)
    assert interrupts.count == 1
    assert heard == []


def test_in_another_thread_no_handler_is_set(heard):
    interrupts, handler = Interrupts(), signal.getsignal(signal.SIGINT)

    def run():
        with interrupts:
            assert signal.getsignal(signal.SIGINT) is handler

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert heard == []
