"""Waiting in tests: for something to become true, never for time to pass."""

import threading
from collections.abc import Callable
from typing import TypeVar

from nbtasks.clock import SystemClock

T = TypeVar("T")


def wait_until(is_true: Callable[[], T], description: str, seconds: float = 15.0) -> T:
    """Come back with what is true once it is; fail with the description where it never is."""
    clock = SystemClock()
    end = clock.tick_ms() + seconds * 1000
    pause = threading.Event()
    while not (found := is_true()):
        if clock.tick_ms() > end:
            raise AssertionError(f"after {seconds} s still not: {description}")
        pause.wait(0.005)
    return found
