"""Runs a coroutine to its end from code that is no coroutine, wherever that is."""

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
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
