"""Tables in a terminal: with rich where it is installed, else plain; into a pipe always plain."""

import sys
import textwrap
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from nbtasks.notebook.words import clean

if TYPE_CHECKING:
    from rich.console import Console

CELL: Final = 200
"""Characters of a cell; more is not for the eye."""

LEAST: Final = 12
"""Characters of a column that are always shown."""

GAP: Final = "  "

_COLOURS: Final = {
    "SUCCESS": "green",
    "succeeded": "green",
    "online": "green",
    "active": "green",
    "FAILURE": "red",
    "failed": "red",
    "offline": "red",
    "RETRY": "yellow",
    "retried": "yellow",
    "REVOKED": "yellow",
    "revoked": "yellow",
    "paused": "yellow",
    "ending": "yellow",
    "STARTED": "cyan",
    "started": "cyan",
    "PROGRESS": "cyan",
    "progress": "cyan",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text.

    Attributes:
        title: What stands above them; empty for nothing.
        columns: The names of the columns.
        rows: The cells.
        numbers: Columns that stand to the right.
        rare: Columns that are left out where there is no room for all, the first of them first.
    """

    title: str = ""
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[str] = ()
    rare: Sequence[str] = ()

    def fitting(self, width: int) -> "Table":
        """The same with no more columns than there is room for."""
        table = self
        for name in self.rare:
            if sum(table.widths()) + len(GAP) * len(table.columns) <= width:
                break
            table = table.without(name)
        return table

    def without(self, name: str) -> "Table":
        """The same without a column."""
        at = list(self.columns).index(name)
        rows = [[*row[:at], *row[at + 1 :]] for row in self.rows]
        columns = [*self.columns[:at], *self.columns[at + 1 :]]
        numbers = [each for each in self.numbers if each != name]
        return Table(title=self.title, columns=columns, rows=rows, numbers=numbers)

    def widths(self) -> list[int]:
        """How wide each column is."""
        cells = [self.columns, *self.rows]
        return [max(len(row[at]) for row in cells) for at in range(len(self.columns))]

    def text(self) -> str:
        """As plain text, in aligned columns."""
        widths = self.widths()
        right = [name in self.numbers for name in self.columns]

        def line(row: Sequence[str]) -> str:
            cells = (
                cell.rjust(width) if is_right else cell.ljust(width)
                for cell, width, is_right in zip(row, widths, right, strict=True)
            )
            return GAP.join(cells).rstrip()

        head = [self.title] if self.title else []
        return "\n".join([*head, line(self.columns), *map(line, self.rows)])


Part = Table | str


def make_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str = "",
    numbers: Sequence[str] = (),
    rare: Sequence[str] = (),
) -> Table:
    """A table of whatever cells; nothing in them can drive the terminal."""
    cells = [[clean(str(cell), CELL) for cell in row] for row in rows]
    return Table(title=title, columns=columns, rows=cells, numbers=numbers, rare=rare)


def show(parts: Iterable[Part]) -> None:
    """Print tables and lines, with an empty line between."""
    console = find_console()
    if console is None:
        click.echo("\n\n".join(_plain(part) for part in parts))
    else:
        console.print(_rich(list(parts), console.width))


@contextmanager
def live() -> Generator[Callable[[Sequence[Part]], None]]:
    """Show parts in the place of those before, until the end of the block or Ctrl-C."""
    console = find_console()
    try:
        if console is None:
            yield _again
        else:
            from rich.live import Live

            with Live(console=console, auto_refresh=False) as display:
                yield lambda parts: display.update(_rich(parts, console.width), refresh=True)
    except KeyboardInterrupt:
        return  # how one leaves it


def time_of_day(timestamp: float, precision: str = "seconds") -> str:
    """When it was here, of seconds since 1970."""
    here = datetime.fromtimestamp(timestamp, tz=UTC).astimezone()
    return here.time().isoformat(timespec=precision)


def find_console() -> "Console | None":
    """A terminal that rich draws on; None for a pipe, a file, or without rich."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False, markup=False, emoji=False)


def _again(parts: Sequence[Part]) -> None:
    click.clear()  # does nothing where it is no terminal
    click.echo("\n\n".join(_plain(part) for part in parts) + "\n")


def _plain(part: Part) -> str:
    return part if isinstance(part, str) else part.text()


def _rich(parts: Sequence[Part], width: int) -> Any:
    from rich.console import Group
    from rich.text import Text

    drawn: list[Any] = []
    for part in parts:
        if drawn:
            drawn.append(Text())
        if isinstance(part, str):
            drawn.append(Text(textwrap.dedent(part)))
        else:
            drawn += _drawn(part.fitting(width))
    return Group(*drawn)


def _drawn(table: Table) -> list[Any]:
    from rich.table import Table as RichTable
    from rich.text import Text

    found = RichTable(box=None, padding=(0, len(GAP), 0, 0), pad_edge=False, header_style="dim")
    for name, width in zip(table.columns, table.widths(), strict=True):
        justify: Any = "right" if name in table.numbers else "left"
        least = min(width, LEAST)  # else a long column may take all the room of a short one
        found.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis", min_width=least)
    for row in table.rows:
        found.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    return [*([Text(table.title, style="bold")] if table.title else []), found]
