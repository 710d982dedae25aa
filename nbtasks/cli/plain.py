"""What all commands have in common: how they end, and what is safe to print."""

import json
import re
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from nbtasks.errors import ConfigError, NbTasksError, NoServer, StoreUnavailable

EXIT_ERROR: Final = 1
"""The task has failed, there is no such thing, or nothing was to be done."""

EXIT_USAGE: Final = 2
"""The command line or a setting is wrong; click's own."""

EXIT_UNAVAILABLE: Final = 69
"""Redis does not answer, or no worker does: EX_UNAVAILABLE, as in Celery."""

EXIT_NOT_YET: Final = 75
"""It has not ended; EX_TEMPFAIL, ask again."""

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Our own errors as one line, not as a traceback, and our own warnings likewise."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _in_one_line(warnings.showwarning)
            try:
                return function(*args, **kwargs)
            except NbTasksError as error:
                fail(str(error), exit_code(error))

    return run


def exit_code(error: NbTasksError) -> int:
    """What a command ends with that ends of this error."""
    match error:
        case StoreUnavailable() | NoServer():
            return EXIT_UNAVAILABLE
        case ConfigError():
            return EXIT_USAGE
        case _:
            return EXIT_ERROR


def fail(text: str, code: int = EXIT_ERROR) -> None:
    """Say what is wrong, and end the program."""
    say(f"nbtasks: {text}")
    sys.exit(code)


def say(text: str) -> None:
    """Something for who reads, not for a program: to stderr."""
    click.echo(safe(text), err=True)


def safe(text: str) -> str:
    """Text from tasks and from Redis without what could drive the terminal."""
    return _CONTROL.sub("\ufffd", text)


def tell_json(value: object) -> None:
    """A value as one line of JSON; what is none there is told in words."""
    click.echo(json.dumps(value, default=repr))


def _in_one_line(show: Callable[..., Any]) -> Callable[..., Any]:
    """What shows our warnings in one line; those of tasks, which a worker runs, as they were."""

    def warn(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
        if category.__module__.partition(".")[0] == __name__.partition(".")[0]:
            say(f"nbtasks: warning: {message}")
        else:
            show(message, category, *args, **kwargs)

    return warn
