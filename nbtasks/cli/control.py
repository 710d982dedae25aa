"""The command `nbtasks control`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from nbtasks.cli.addressed import find_workers, worker_options
from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import EXIT_ERROR, EXIT_UNAVAILABLE, fail, plain_errors, say, tell_json
from nbtasks.cli.tables import make_table, show
from nbtasks.spelling import nearest

if TYPE_CHECKING:
    from nbtasks.app import App

OF_WORKERS: Final[Mapping[str, tuple[Sequence[str], int, str]]] = {
    "ping": ((), 0, "say whether they answer"),
    "pool_grow": (("n",), 0, "run N tasks more at a time (1)"),
    "pool_shrink": (("n",), 0, "run N tasks less at a time (1)"),
    "autoscale": (("max", "min"), 1, "run between MIN (1) and MAX tasks at a time"),
    "add_consumer": (("queue",), 1, "take from QUEUE, too"),
    "cancel_consumer": (("queue",), 1, "take from QUEUE no more"),
    "time_limit": (("task_name", "soft", "hard"), 2, "limit tasks of a name, in seconds"),
    "shutdown": ((), 0, "finish what runs, and end"),
}
"""What workers are told: the arguments, how many of them must be there, and what it does."""

OF_ALL: Final[Mapping[str, tuple[Sequence[str], int, str]]] = {
    "rate_limit": (("task_name", "rate"), 1, "set how often tasks begin; without RATE: as sent"),
    "pause": (("queue",), 1, "have no worker take anything from QUEUE"),
    "resume": (("queue",), 1, "have workers take from QUEUE again"),
    "pause_task": (("task",), 1, "have no task of a name begin"),
    "resume_task": (("task",), 1, "have them begin again"),
}
"""What holds for all workers, those of later on among them, until it is taken back."""

COMMANDS: Final = {**OF_WORKERS, **OF_ALL}
ELSEWHERE: Final = {
    "revoke": "`nbtasks revoke ID`",
    "terminate": "`nbtasks revoke ID --terminate -s SIGNAL`",
    "revoke_by_stamped_headers": "`nbtasks revoke --stamp NAME=VALUE`",
    "purge": "`nbtasks purge`",
    "enable_events": "what becomes of tasks is told whenever somebody listens",
    "disable_events": "nothing is told, and it costs nothing, while nobody listens",
    "pool_restart": "what a task imports travels with it, or start the worker again",
    "heartbeat": "workers beat by themselves: `nbtasks status`",
    "election": "there is no leader: any worker may fire a schedule",
}
"""Commands of Celery's that are not here, and what to do."""


def _usage(name: str) -> str:
    words, least, _ = COMMANDS[name]
    shown = [word.upper() if at < least else f"[{word.upper()}]" for at, word in enumerate(words)]
    return " ".join([name, *shown])


_WIDTH: Final = max(map(len, map(_usage, COMMANDS))) + 2
EPILOG: Final = "\b\nCOMMAND is one of\n" + "\n".join(
    f"  {_usage(name).ljust(_WIDTH)}{text}" for name, (_, _, text) in COMMANDS.items()
)


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in COMMANDS if name.startswith(incomplete)]


@click.command(epilog=EPILOG)
@click.argument("command", shell_complete=_complete)
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT]...")
@worker_options
@place_options
@json_option
@plain_errors
def control(  # noqa: PLR0917 - the options of a command
    command: str,
    arguments: Sequence[str],
    destination: str,
    pattern: str,
    timeout: float,
    program: str,
    broker: str,
    app: str,
    *,
    as_json: bool,
) -> None:
    """Tell workers what to do, and print what they answer; or pause queues and tasks, set rates.

    Workers obey at once, also where all their processes are busy; what they are told holds until
    they end. Exit code 1 where one refuses or does not answer, 69 where no such worker is live.
    Rates and pauses are for all workers.
    """
    given = _arguments(command, arguments)
    with opened(program, broker, app) as found:
        if command in OF_ALL:
            _control_all(found, command, given, as_json=as_json)
            return
        names = find_workers(found, destination, pattern)
        if not names:
            fail("no such worker is live", EXIT_UNAVAILABLE)
        told = found.control.broadcast(command, given, names, reply=True, timeout=timeout)
        answers = {name: said for each in told for name, said in each.items()}
    _show(names, answers, timeout, as_json=as_json)


def _control_all(app: "App", command: str, given: Mapping[str, Any], *, as_json: bool) -> None:
    verb, _, _ = command.partition("_")
    if verb == "rate":
        rate = given.get("rate")
        app.control.rate_limit(given["task_name"], rate)
        changed, words = True, f"{given['task_name']}: {rate or 'the rate that it is sent with'}"
    else:
        changed = getattr(app.control, verb)(**given)
        (name,) = given.values()
        words = f"{name}: {verb}d" if changed else f"{name} was {verb}d before"
    if as_json:
        tell_json({command: changed})
    else:
        click.echo(words)
    if not changed:
        sys.exit(EXIT_ERROR)


def _show(
    names: Sequence[str],
    answers: Mapping[str, Mapping[str, str]],
    timeout: float,
    *,
    as_json: bool,
) -> None:
    if as_json:
        tell_json(answers)
    elif answers:
        rows = [(name, *_words(answer)) for name, answer in answers.items()]
        show([make_table(("worker", "", "answer"), rows)])
    silent = [name for name in names if name not in answers]
    if silent:
        say(f"nbtasks: no answer within {timeout:g} s from {', '.join(silent)}")
    if silent or any("error" in answer for answer in answers.values()):
        sys.exit(EXIT_ERROR if answers else EXIT_UNAVAILABLE)


def _words(answer: Mapping[str, str]) -> tuple[str, str]:
    return ("failed", answer["error"]) if "error" in answer else ("done", answer.get("ok", ""))


def _arguments(command: str, words: Sequence[str]) -> dict[str, Any]:
    """What a command is told, by name.

    Raises:
        click.UsageError: There is no such command, or it takes something else.
    """
    if command in ELSEWHERE:
        raise click.UsageError(f"there is no {command!r} here: {ELSEWHERE[command]}")
    if command not in COMMANDS:
        raise click.UsageError(f"there is no {command!r}{nearest(command, [*COMMANDS])}")
    names, least, _ = COMMANDS[command]
    if not least <= len(words) <= len(names):
        raise click.UsageError(f"write nbtasks control {_usage(command)}")
    return {name: _READ.get(name, str)(word) for name, word in zip(names, words, strict=False)}


def _number(text: str) -> Any:
    """A number, or the text, which is then refused by whoever knows what belongs there."""
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


_READ: Final[Mapping[str, Callable[[str], Any]]] = dict.fromkeys(
    ("n", "max", "min", "soft", "hard"), _number
)
