"""The command `nbtasks events`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import EXIT_NOT_YET, fail, plain_errors, tell_json
from nbtasks.cli.tables import CELL, find_console, time_of_day

if TYPE_CHECKING:
    from nbtasks.app import App

Event = dict[str, Any]
ALL: Final = "*"

_SHOWN_APART: Final = frozenset((
    "type", "timestamp", "uuid", "hostname", "name", "args", "kwargs", "pid", "clock",
    "utcoffset", "local_received", "traceback", "root_id", "parent_id", "routing_key",
))  # fmt: skip
_OF_WORKERS: Final = frozenset(("queues", "concurrency", "active", "processed"))


@click.command()
@click.option("--dump", is_flag=True, help="A line for each event, as into a pipe; no table.")
@click.option(
    "-e", "--events", "types", default="", help="Only these, with commas, as task-failed; no table."
)
@click.option("--limit", type=click.IntRange(1), help="End after so many events.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="End, with code 75, where nothing came for so many seconds.",
)
@place_options
@json_option
@plain_errors
def events(  # noqa: PLR0917 - the options of a command
    types: str,
    limit: int | None,
    timeout: float | None,
    program: str,
    broker: str,
    app: str,
    *,
    dump: bool,
    as_json: bool,
) -> None:
    """Show what becomes of tasks and workers, as it happens, until Ctrl-C.

    In a terminal it is a table of the tasks that were heard of last; with --dump, --json or into a
    pipe one event a line. Events are told from now on: what was before is not known.
    """
    from nbtasks.cli.event_board import watch

    with opened(program, broker, app) as found:
        try:
            if dump or as_json or types or find_console() is None:
                with suppress(KeyboardInterrupt):  # how one leaves it
                    _tell(found, types, limit, timeout, tell_json if as_json else _Lines(found))
            else:
                watch(found, limit, timeout)
        except TimeoutError as error:
            fail(str(error), EXIT_NOT_YET)


def _tell(
    app: "App",
    types: str,
    limit: int | None,
    timeout: float | None,
    tell: Callable[[Event], None],
) -> None:
    wanted = [name.strip() for name in types.split(",") if name.strip()] or [ALL]
    receiver = app.events.Receiver(handlers=dict.fromkeys(wanted, tell))
    for _ in _flushed(receiver.itercapture(limit, timeout)):
        pass


def _flushed(found: Iterator[Event]) -> Iterator[Event]:
    """The same; what was printed of each is seen at once, also through a pipe."""
    for event in found:
        sys.stdout.flush()
        yield event


class _Lines:
    """Prints events, a line each, with the names of tasks that only their first ones tell."""

    def __init__(self, app: "App") -> None:
        self._state = app.events.State()

    def __call__(self, event: Event) -> None:
        from nbtasks.notebook.words import clean

        self._state.event(event)
        words: list[str] = []
        if "uuid" in event:
            task = self._state.tasks[event["uuid"]]
            words.append(f"{task.name or '?'}[{event['uuid']}]")
        if event.get("hostname"):
            side = "from" if event["type"] == "task-sent" else "on"
            words.append(f"{side} {event['hostname']}")
        words += [f"{name}={value}" for name, value in event.items() if _is_shown(event, name)]
        when, what = time_of_day(event["timestamp"], "milliseconds"), clean(str(event["type"]))
        click.echo(f"{when} {what:16} {clean(' '.join(words), 2 * CELL)}")


def _is_shown(event: Event, name: str) -> bool:
    wanted = name not in _SHOWN_APART if "uuid" in event else name in _OF_WORKERS
    return wanted and event[name] is not None and event[name] != ""
