"""The command `nbtasks call`."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from nbtasks.cli.outcome import finish
from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import EXIT_USAGE, fail, plain_errors, tell_json
from nbtasks.options import MAX_SECONDS

if TYPE_CHECKING:
    from nbtasks.app import App
    from nbtasks.result import AsyncResult


@click.command()
@click.argument("name")
@click.option("-a", "--args", default="[]", help="Positional arguments, a list in JSON.")
@click.option("-k", "--kwargs", default="{}", help="Keyword arguments, an object in JSON.")
@click.option("--countdown", type=click.FloatRange(0, MAX_SECONDS), help="Seconds until it begins.")
@click.option("--eta", metavar="TIME", help="When it begins, such as 2030-01-31T18:00+01:00.")
@click.option("--expires", metavar="TIME", help="Seconds, or a time, after which it is not begun.")
@click.option("-q", "--queue", default="", help="Where it goes; default: as the settings say.")
@click.option("--priority", type=click.IntRange(0, 9), help="From 0 to 9, higher first.")
@click.option("--task-id", default="", help="Its id; sending it again is then a no-op.")
@click.option("--serializer", default="", help="What the arguments travel as, such as json.")
@click.option("--wait", is_flag=True, help="Wait for its end, and print its value.")
@click.option("--timeout", type=click.FloatRange(0, MAX_SECONDS), help="With --wait: so long.")
@place_options
@json_option
@plain_errors
def call(name: str, *, wait: bool, timeout: float | None, as_json: bool, **given: Any) -> None:
    """Send the task NAME, and print its id; with --wait its value.

    Exit code, with --wait: 0 for a value, 1 where the task has failed, 75 where it has not ended in
    time.
    """
    place = {word: given.pop(word) for word in ("program", "broker", "app")}
    args, kwargs = (
        _json("--args", given.pop("args"), list),
        _json("--kwargs", given.pop("kwargs"), dict),
    )
    options = _options(**given)
    with opened(**place) as app:
        result = _send(app, name, args, kwargs, options, knows=bool(place["program"]))
        if wait:
            finish(app, result, timeout, as_json=as_json)
        elif as_json:
            tell_json({"id": result.id, "name": name, "queue": result.queue})
        else:
            click.echo(result.id)


def _send(
    app: "App", name: str, args: Any, kwargs: Any, options: dict[str, Any], *, knows: bool
) -> "AsyncResult[Any]":
    """Send it by its name; what the program knows of it is checked here."""
    from nbtasks.spelling import nearest

    if knows and name not in app.tasks:
        fail(f"the program has no task {name!r}{nearest(name, [*app.tasks])}", EXIT_USAGE)
    try:
        if knows:
            app.tasks[name].check_arguments(tuple(args), kwargs)
    except TypeError as error:
        fail(str(error), EXIT_USAGE)
    return app.send_task(name, args, kwargs, **options)


def _options(**given: Any) -> dict[str, Any]:
    """The options of the call that were given, as `apply_async` has them."""
    found = {word: value for word, value in given.items() if value not in {None, ""}}
    if "eta" in found:
        found["eta"] = _moment("--eta", found["eta"])
    if "expires" in found:
        found["expires"] = _seconds(found["expires"]) or _moment("--expires", found["expires"])
    return found


def _json(option: str, text: str, kind: type) -> Any:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{option} {text!r} is no JSON: {error}") from None
    if not isinstance(found, kind):
        example = "a list, such as '[2, 3]'" if kind is list else "an object, such as '{\"x\": 2}'"
        raise click.UsageError(f"{option} is {text!r}: it must be {example}")
    return found


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(option: str, text: str) -> datetime:
    """A time; without a zone it is that of this machine."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise click.UsageError(
            f"{option} is {text!r}: write a time such as 2030-01-31T18:00, or with +01:00 behind it"
        ) from None
