"""What all commands have in common: how they end."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from nbtasks.errors import NbTasksError

EXIT_ERROR: Final = 1


def plain_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Our own errors as one line, not as a traceback."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except NbTasksError as error:
            click.echo(f"nbtasks: {error}", err=True)
            sys.exit(EXIT_ERROR)

    return run
