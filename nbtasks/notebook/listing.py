"""Small static views: what `%broker` and `%tasks` show, as HTML and as text."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final, Self

from nbtasks.app import App
from nbtasks.notebook.frontend import is_stable
from nbtasks.notebook.sent import Sent
from nbtasks.result import GroupResult
from nbtasks.states import TaskState
from nbtasks.store.link import hide_password

_CELL: Final = "padding:2px 14px 2px 0;text-align:left;font-variant-numeric:tabular-nums"


class Marked(str):
    """A text that has an HTML view of its own.

    Args:
        text: The text.
        html: The same as HTML, with all in it escaped.
    """

    __slots__ = ("html",)

    html: str

    def __new__(cls, text: str, html: str) -> Self:
        """The text, with its HTML beside it."""
        made = super().__new__(cls, text)
        made.html = html
        return made


class View:
    """Something with a text and an HTML view, escaped."""

    def __init__(self, head: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._head = head
        self._columns = columns
        self._rows = rows

    def __repr__(self) -> str:
        table = [list(self._columns), *map(list, self._rows)] if self._rows else []
        widths = (
            [max(len(row[at]) for row in table) for at in range(len(self._columns))]
            if table
            else []
        )
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in table
        ]
        return "\n".join([self._head, *(line.rstrip() for line in text)])

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """The HTML view."""
        head = f'<div style="font-weight:600;margin:2px 0">{escape(self._head)}</div>'
        if not self._rows:
            return head
        titles = "".join(
            f'<th style="{_CELL};opacity:.65">{escape(name)}</th>' for name in self._columns
        )
        lines = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{_html(cell)}</td>' for cell in row) + "</tr>"
            for row in self._rows
        )
        table = '<table style="border-collapse:collapse;font-size:90%">'
        return f"{head}{table}<tr>{titles}</tr>{lines}</table>"


def _html(cell: str) -> str:
    return cell.html if isinstance(cell, Marked) else escape(cell)


def broker_card(app: App) -> View:
    """What this notebook is connected to, and the workers that are there."""
    workers = app.workers()
    where = (
        "the embedded server"
        if app.connection.server is not None
        else hide_password(app.config.url)
    )
    head = f"Connected to {where}: {count_of(len(workers), 'worker')}"
    if not workers:
        return View(
            f"{head}. Start some: %broker --start 2, or nbtasks worker in a terminal", (), ()
        )
    if is_stable():
        return View(head, (), ())
    rows = [
        (worker.name, str(worker.concurrency), ", ".join(worker.queues), worker.python)
        for worker in workers
    ]
    return View(head, ("worker", "processes", "queues", "Python"), rows)


def choose(sent: Sequence[Sent], *, limit: int, state: str) -> list[Sent]:
    """The newest of what this notebook has sent, the newest first; with a state only that."""
    return [item for item in reversed(sent) if not state or state in _counts(item)][:limit]


def task_table(chosen: Sequence[Sent], *, of: int, state: str = "") -> View:
    """A line for each; `of` is how many there are, chosen or not."""
    if not chosen:
        why = f"No task in {state}" if state else "No task with this tag"
        return View(why if of else "No task was sent from this notebook yet", (), ())
    if is_stable():
        rows = [(item.name, *_facts(item)[:2]) for item in chosen]
        return View(
            f"{count_of(len(chosen), 'task')} of this notebook", ("name", "state", "done"), rows
        )
    full = [(item.name, *_facts(item)) for item in chosen]
    return View(
        f"{count_of(len(chosen), 'task')} of this notebook", ("name", "state", "done", "id"), full
    )


def count_of(n: int, noun: str) -> str:
    """`1 worker`, `2 workers`, `no worker`."""
    return f"{n or 'no'} {noun}{'s' if n > 1 else ''}"


def _counts(item: Sent) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in item.result.sent:
        for name, count in record.counts().items():
            found[name] = found.get(name, 0) + count
        if any(record.state(index) == TaskState.PROGRESS for index in tuple(record.progress)):
            found.setdefault(TaskState.PROGRESS, 1)
    return found


def _facts(item: Sent) -> tuple[str, str, str]:
    result: Any = item.result
    records = result.sent
    if any(record.missing for record in records):
        return "no longer stored", "", records[0].rid
    total = sum(record.n for record in records)
    done = total - sum(record.left for record in records)
    if isinstance(result, GroupResult):
        states = ", ".join(f"{count} {name}" for name, count in sorted(_counts(item).items()))
        return states, f"{done} of {total}", result.id
    progress = result.progress
    fraction = progress.fraction if progress is not None and not result.ready() else None
    return (
        str(result.state),
        f"{fraction:.0%}" if fraction is not None else f"{done} of {total}",
        result.id,
    )
