"""How a task ended, as `nbtasks call --wait` and `nbtasks result` tell it."""

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from nbtasks.cli.bar import Draw, progress_bar
from nbtasks.cli.plain import EXIT_ERROR, EXIT_NOT_YET, safe, say, tell_json
from nbtasks.errors import WaitTimeout
from nbtasks.notebook.words import clean
from nbtasks.waiting import wait_for

if TYPE_CHECKING:
    from nbtasks.app import App
    from nbtasks.result import AsyncResult

STEP_S: Final = 0.2
"""How often a progress bar is drawn."""


def finish(
    app: "App",
    result: "AsyncResult[Any]",
    timeout: float | None,
    *,
    as_json: bool,
    shows_traceback: bool = False,
) -> None:
    """Wait for a task, tell how it ended, and end the program where it was no success."""
    if not _wait(app, result, timeout):
        if as_json:
            tell_json(facts(result))
        say(f"{result.id} is {result.state} after {timeout:g} s")
        sys.exit(EXIT_NOT_YET)
    tell(result, as_json=as_json, shows_traceback=shows_traceback)


def tell(result: "AsyncResult[Any]", *, as_json: bool, shows_traceback: bool = False) -> None:
    """Tell how a task ended, or that it has not; end the program where it was no success."""
    if as_json:
        tell_json(facts(result))
    elif result.successful():
        click.echo(safe(repr(result.result)))
    elif result.failed():
        say(f"{result.state}  {in_words(result.result)}")
    else:
        say(f"{result.state}{_how_far(result)}")
    if shows_traceback and not as_json and result.traceback:
        say(result.traceback.rstrip())
    if result.failed():
        sys.exit(EXIT_ERROR)
    if not result.ready():
        sys.exit(EXIT_NOT_YET)


def facts(result: "AsyncResult[Any]") -> dict[str, Any]:
    """What is known of a task, for JSON."""
    found: dict[str, Any] = {
        "id": result.id,
        "name": result.name,
        "state": str(result.state),
        "queue": result.queue,
        "worker": result.worker,
        "retries": result.retries,
        "result": None,
        "error": None,
        "traceback": None,
        "progress": None,
    }
    progress = result.progress
    if progress is not None:
        found["progress"] = {
            "current": progress.current,
            "total": progress.total,
            "message": progress.message,
        }
    if result.failed():
        error = result.result
        found["error"] = {"type": type(error).__name__, "text": str(error)}
        found["traceback"] = result.traceback
    elif result.ready():
        found["result"] = result.result
    return found


def in_words(error: object) -> str:
    """An exception as `ValueError: text`."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _how_far(result: "AsyncResult[Any]") -> str:
    progress = result.progress
    if progress is None:
        return ""
    part = progress.fraction
    words = f"  {part:.0%}" if part is not None else f"  {progress.current:g}"
    return f"{words}  {progress.message}".rstrip()


def _wait(app: "App", result: "AsyncResult[Any]", timeout: float | None) -> bool:
    """Wait for its end; False where it takes longer."""
    end = None if timeout is None else app.clock.tick_ms() + timeout * 1000
    with progress_bar(result.name) as draw:
        while True:
            left = None if end is None else max(0.0, end - app.clock.tick_ms()) / 1000
            step = left if draw is None else min(STEP_S, STEP_S if left is None else left)
            try:
                wait_for(app, result.waits(), step)
            except WaitTimeout:
                if left is not None and (draw is None or left <= STEP_S):
                    return False
            else:
                return True
            if draw is not None:
                _draw(draw, result)


def _draw(draw: Draw, result: "AsyncResult[Any]") -> None:
    told = result.progress
    words = clean(f"{result.name}  {result.state}  {told.message if told else ''}")
    draw(words, told.current if told else 0, told.total if told else None)
