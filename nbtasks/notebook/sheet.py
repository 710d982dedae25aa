"""The rows of a table of tasks as text: what is saved, and what others read of it."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from nbtasks.notebook.listing import View, count_of
from nbtasks.notebook.order import took_ms
from nbtasks.notebook.picture import Picture
from nbtasks.notebook.render import STATES
from nbtasks.notebook.tally import CODE_SUCCESS, Tally
from nbtasks.notebook.values import Glances
from nbtasks.notebook.words import duration

KEPT: Final = 20
"""Rows that a saved notebook keeps."""

NAMED: Final = 1_000
"""Tasks that code names one by one."""

_COLUMNS: Final = ("task", "state", "took", "worker", "value or error")
_CSV_COLUMNS: Final = ("number", "task", "state", "took", "worker", "error")


class Sheet:
    """Writes rows down.

    Args:
        tally: The tasks.
        picture: What makes a row of one.
        glances: What knows values; None where a notebook may keep none.
    """

    def __init__(self, tally: Tally, picture: Picture, glances: Glances | None) -> None:
        self._tally = tally
        self._picture = picture
        self._glances = glances

    def csv(self, members: Sequence[int]) -> str:
        """These tasks as CSV, with the errors of those that have failed, and no values."""
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(_CSV_COLUMNS)
        for i in members:
            row = self._picture.row(i)
            writer.writerow((i, *map(_harmless, (*self._cells(i, row), row["err"]))))
        return file.getvalue()

    def formats(self, title: str, members: Sequence[int]) -> dict[str, Any]:
        """The first rows as a saved notebook keeps them: HTML and text."""
        n = len(members)
        more = f", the first {KEPT} of them" if n > KEPT else ""
        rows: list[tuple[str, ...]] = []
        for i in members[:KEPT]:
            row = self._picture.row(i)
            value = self._value(i) if self._tally.code(i) == CODE_SUCCESS else row["err"]
            rows.append((*self._cells(i, row), value))
        view = View(f"{title}: {count_of(n, 'task')}{more}", _COLUMNS, rows)
        return {"text/html": view.html(), "text/plain": repr(view)}

    def code(self, name: str, members: Sequence[int] | None, shown: Sequence[int]) -> str:
        """Python that makes a DataFrame of tasks.

        Args:
            name: The variable that is their group; empty where there is none.
            members: Which of them; None for all.
            shown: All of them.
        """
        start = "import pandas as pd\n"
        if name:
            tasks = name if members is None else f"[{name}[i] for i in {list(members)}]"
        else:
            start += "from nbtasks import AsyncResult\n"
            found = map(self._tally.locate, (shown if members is None else members)[:NAMED])
            ids = " ".join(record.task_id(index) for record, index in found)
            tasks = f"[AsyncResult(task_id) for task_id in {ids!r}.split()]"
        return (
            f"{start}\ntasks = {tasks}\n"
            'pd.DataFrame({"task": [t.id for t in tasks], "state": [t.state for t in tasks],'
            ' "value": [t.result for t in tasks]})'
        )

    def _value(self, i: int) -> str:
        return self._glances.known(*self._tally.locate(i)) if self._glances is not None else ""

    def _cells(self, i: int, row: dict[str, Any]) -> tuple[str, ...]:
        took = took_ms(self._tally, i)
        state = str(STATES[self._tally.code(i)])
        return row["label"], state, duration(took) if took else "", row["host"]


def _harmless(cell: str) -> str:
    """What a spreadsheet would take for a formula is text."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@"} else cell
