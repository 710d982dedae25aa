"""Which workers a command is about, and what they have answered."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click

from nbtasks.cli.tables import CELL, Part, make_table

if TYPE_CHECKING:
    from nbtasks.app import App

_TASK_COLUMNS: Final = ("worker", "id", "task", "arguments", "queue", "retries", "")
_RARE: Final = ("retries", "queue", "arguments")
_INDENT: Final = "  "


def worker_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-d`, `--pattern` and `-t`."""
    timeout = click.option(
        "-t",
        "--timeout",
        type=click.FloatRange(0, 3600),
        default=1.0,
        show_default=True,
        help="Seconds to wait for answers, where workers are asked.",
    )
    pattern = click.option("--pattern", default="", help="Workers of such names: a glob as gpu-*.")
    names = click.option(
        "-d", "--destination", default="", help="These workers, with commas; default: all."
    )
    return names(pattern(timeout(function)))


def find_workers(app: "App", destination: str, pattern: str) -> list[str]:
    """The names of the live workers that are meant."""
    from nbtasks.monitor.inspection import chosen

    names = split(destination)
    return [worker.name for worker in chosen(app.workers(), names or None, pattern, None)]


def split(text: str) -> list[str]:
    """Names that stand between commas."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def task_table(answers: Mapping[str, Sequence[Mapping[str, Any]]], now_ms: float) -> list[Part]:
    """The tasks that workers have: a row each; scheduled ones with when they are due."""
    rows = [_task_row(name, each, now_ms) for name, tasks in answers.items() for each in tasks]
    return [make_table(_TASK_COLUMNS, rows, numbers=("retries",), rare=_RARE)] if rows else []


def blocks(answers: Mapping[str, Any]) -> list[Part]:
    """What workers say of themselves: a block of lines each."""
    return ["\n".join([name, *_lines(said, _INDENT)]) for name, said in answers.items()]


def _task_row(worker: str, told: Mapping[str, Any], now_ms: float) -> Sequence[object]:
    from nbtasks.notebook.words import duration

    task: Mapping[str, Any] = told.get("request", told)
    when = ""
    if "eta" in told:
        when = f"due in {duration(max(0.0, told['eta'] * 1000 - now_ms))}"
    elif task["time_start"]:
        when = f"runs for {duration(max(0.0, now_ms - task['time_start'] * 1000))}"
    kwargs: Mapping[str, Any] = task["kwargs"] or {}
    args = [*map(repr, task["args"] or ())]
    args += [f"{name}={value!r}" for name, value in kwargs.items()]
    known = ", ".join(args) if task["args"] is not None else "?"
    queue = task["delivery_info"]["routing_key"]
    return worker, task["id"], task["name"], known, queue, task["retries"], when


def _lines(said: Any, indent: str) -> list[str]:
    """A value in lines: of what is nested, each part in its own."""
    if isinstance(said, Mapping):
        fields = cast("Mapping[str, Any]", said)
        return [line for name, value in fields.items() for line in _field(name, value, indent)]
    if isinstance(said, (list, tuple)):
        return [line for each in cast("Sequence[Any]", said) for line in _item(each, indent)]
    return [f"{indent}{_word(line)}" for line in str(said).splitlines()]


def _field(name: str, value: Any, indent: str) -> list[str]:
    if _is_nested(value):
        return [f"{indent}{name}:", *_lines(value, indent + _INDENT)]
    return [f"{indent}{name}: {_word(value)}"]


def _is_nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and bool(cast("Any", value))


def _item(value: Any, indent: str) -> list[str]:
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return [
            indent + ", ".join(f"{name} {_word(each)}" for name, each in fields.items() if each)
        ]
    return [f"{indent}{_word(value)}"]


def _word(value: Any) -> str:
    from nbtasks.notebook.words import clean

    return clean(str(value), CELL)
