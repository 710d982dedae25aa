"""Commands for whoever runs the system: `nbtasks key`, `nbtasks doctor`."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from nbtasks import keyring
from nbtasks.clock import SystemClock
from nbtasks.config import ENV_KEY, ENV_KEY_FILE, from_environment
from nbtasks.doctor import Level, diagnose
from nbtasks.errors import NbTasksError
from nbtasks.keyring import KeyFile, key_id

EXIT_ERROR: Final = 1

_MARKS: Final = {Level.FINE: "ok     ", Level.WARNING: "warning", Level.BROKEN: "broken "}

_NEXT: Final = "Bring the file to every machine, then restart workers and clients"


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


@click.command()
@click.argument("url", default="")
@click.option("-a", "--app", default="main", help="The app whose workers and tasks are looked at.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@plain_errors
def doctor(url: str, app: str, *, as_json: bool) -> None:
    """Look at a Redis, the key and the workers, and say what is wrong and what to do.

    URL is a Redis (or NBTASKS_URL); without one, the embedded server. Exit code 0: all is fine, 1:
    there are warnings, 2: something is broken.
    """
    base = from_environment()
    findings = diagnose(replace(base, name=app, url=url or base.url), SystemClock())
    worst = max(finding.level for finding in findings)
    if as_json:
        rows = [{**asdict(each), "level": each.level.name.lower()} for each in findings]
        click.echo(json.dumps({"exit_code": worst, "findings": rows}))
    else:
        for each in findings:
            click.echo(f"{_MARKS[each.level]}  {each.check:<10}  {each.text}")
            if each.advice:
                click.echo(f"{'':>19}{each.advice}")
    sys.exit(worst)


@click.group()
def key() -> None:
    """The key file: which keys are accepted, and which one signs.

    The file is NBTASKS_KEY_FILE, or `nbtasks/key` in the user's configuration folder. It is made
    when a command first needs it.
    """


@key.command()
@click.option("--secret", is_flag=True, help="Print the keys themselves, too.")
@plain_errors
def show(*, secret: bool) -> None:
    """Print where the file is, and the id of each key; the first one signs."""
    file = _open()
    click.echo(str(file.path))
    for at, each in enumerate(file.keys):
        text = f"  {each.decode()}" if secret else ""
        click.echo(f"{key_id(each)}  {'accepted' if at else 'signs'}{text}")
    if os.environ.get(ENV_KEY):
        click.echo(f"{ENV_KEY} is set here, and wins over the file", err=True)


@key.command()
@click.option("--stdin", is_flag=True, help="Add the key that standard input gives.")
@plain_errors
def add(*, stdin: bool) -> None:
    """Add a new key: accepted from now on, but not yet used for signing."""
    new = sys.stdin.buffer.readline().strip() if stdin else keyring.new_key()
    path = _path()
    if not path.exists():
        file = _open()
        if not stdin:  # the file is made with a key, and nobody asked for a second one
            click.echo(f"{key_id(file.keys[0])} signs: it is the first key of {str(path)!r}")
            return
    _open().add(new).save()
    click.echo(
        f"{key_id(new)} is accepted. {_NEXT}; once that is done everywhere, `nbtasks key rotate"
        f" {key_id(new)}` signs with it"
    )


@key.command()
@click.argument("identity", default="", metavar="[ID]")
@plain_errors
def rotate(identity: str) -> None:
    """Sign with key ID from now on, or with a new one; the others are still accepted.

    A new key is unknown to processes that run: where a task may meet one of them, use `nbtasks key
    add` first.
    """
    file = _open().rotate(identity)
    file.save()
    click.echo(f"{key_id(file.keys[0])} signs, {len(file.keys) - 1} more accepted. {_NEXT}")


@key.command()
@click.argument("identity", metavar="ID")
@plain_errors
def drop(identity: str) -> None:
    """Accept key ID no more: what it has signed is refused from now on."""
    file = _open().drop(identity)
    file.save()
    click.echo(f"{identity} is dropped, {len(file.keys)} left. {_NEXT}")


def _path() -> Path:
    named = os.environ.get(ENV_KEY_FILE, "")
    return Path(named) if named else keyring.default_path(os.environ)


def _open() -> KeyFile:
    return KeyFile.open(_path())
