"""Which program, which Redis and which app a command is about."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

if TYPE_CHECKING:
    from nbtasks.app import App

PROGRAM: Final = "program"
BROKER: Final = "broker"
APP: Final = "app"


def inherited(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """What stands before the command, as in `nbtasks -A shop worker`, where it says nothing."""
    given: dict[str, str] = ctx.find_root().obj or {}
    return value or given.get(BROKER if param.name == "url" else param.name or "", "")


def program_option(text: str) -> Callable[..., Any]:
    """The option `-A`."""
    return click.option(
        "-A", "--program", default="", metavar="MODULE[:APP]", help=text, callback=inherited
    )


def broker_option() -> Callable[..., Any]:
    """The option `-b`, of a command that has no URL as its argument."""
    return click.option(
        "-b",
        "--broker",
        default="",
        metavar="URL",
        help="The Redis; default: NBTASKS_URL, else the embedded server.",
        callback=inherited,
    )


def app_option(*names: str) -> Callable[..., Any]:
    """The option `--app`, and what else it is called."""
    return click.option(
        *names,
        "--app",
        default="",
        help="The app's name; default: the program's, or main.",
        callback=inherited,
    )


def place_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-A`, `-b` and `--app`, which go to `opened`; of commands whose `-a` is something else."""
    program = program_option("The program whose settings and tasks count.")
    return cast("Callable[..., Any]", program(broker_option()(app_option()(function))))


def service_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with `-a`, of commands that go on until they are told to end."""
    program = program_option("The program whose settings count.")
    return cast("Callable[..., Any]", program(broker_option()(app_option("-a")(function))))


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`."""
    add: Callable[..., Any] = click.option(
        "-j", "--json", "as_json", is_flag=True, help="JSON, for programs."
    )
    return cast("Callable[..., Any]", add(function))


def import_from_here() -> None:
    """Find modules in the working folder, as `python -m` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def find_place(program: str, broker: str, app: str) -> "App":
    """The app of a program, or one of the environment; what the command line says wins.

    Raises:
        ConfigError: There is no such program, or a setting is wrong.
    """
    from nbtasks.app import App
    from nbtasks.config import from_environment
    from nbtasks.registry import find_app

    import_from_here()
    found = find_app(program) if program else None
    base = from_environment() if found is None else found.config
    config = replace(base, url=broker or base.url, name=app or base.name)
    if found is None:
        return App.from_config(config)
    found.config = config
    found.set_default()
    return found


@contextmanager
def opened(program: str, broker: str, app: str) -> "Generator[App]":
    """The same, for as long as the command takes; it is closed then."""
    found = find_place(program, broker, app)
    try:
        yield found
    finally:
        found.close()


def go_to(folder: str) -> None:
    """Work in this folder.

    Raises:
        click.UsageError: There is none.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise click.UsageError(f"--workdir {folder!r}: {error.strerror}") from None
