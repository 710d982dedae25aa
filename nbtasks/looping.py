"""Runs coroutines and generators to their end, wherever that is."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any


def run_to_end(steps: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, also where a loop runs here, as it does in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(steps)
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(steps))
        except BaseException as error:  # noqa: BLE001 - it is raised again below
            failed.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="nbtasks-eager")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def drain(parts: Generator[Any, Any, Any], put: Callable[[Any], None]) -> Any:
    """Put all that a generator yields; what it returns. What `put` raises comes to its `yield`."""
    step: Callable[[Any], Any] = parts.send
    given: Any = None
    try:
        while True:
            try:
                part = step(given)
            except StopIteration as stop:
                return stop.value
            try:
                put(part)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the generator's
                step, given = parts.throw, error
            else:
                step, given = parts.send, None
    finally:
        parts.close()


async def drain_async(
    parts: AsyncGenerator[Any, Any], put: Callable[[Any], Awaitable[None]]
) -> None:
    """The same for an asynchronous generator, which returns nothing."""
    step: Callable[[Any], Awaitable[Any]] = parts.asend
    given: Any = None
    try:
        while True:
            try:
                part = await step(given)
            except StopAsyncIteration:
                return
            try:
                await put(part)
            except BaseException as error:  # noqa: BLE001 - likewise
                step, given = parts.athrow, error
            else:
                step, given = parts.asend, None
    finally:
        await parts.aclose()
