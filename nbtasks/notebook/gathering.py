"""A cell that displays results one by one: beyond 20, all of them are one table."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from nbtasks.live import LiveRecord
from nbtasks.notebook.live_view import LiveView
from nbtasks.notebook.results import Results
from nbtasks.notebook.tally import Tally
from nbtasks.result import AsyncResult
from nbtasks.states import PENDING

MOST: Final = 20
"""So many results have a place of their own under a cell."""

_NOTHING: Final[dict[str, Any]] = {}


class Pile(Tally):
    """A tally that records are added to; those that it has keep their numbers."""

    def __init__(self) -> None:
        super().__init__(())
        self._places: dict[str, int] = {}

    def number(self, record: LiveRecord, index: int) -> int:
        """Which number a member has; a record that is not known yet comes behind the others."""
        start = self._places.setdefault(record.rid, self.n)
        if start == self.n:
            dirty = record.dirty_set()
            states = bytes(record.states)
            dirty.update(at for at, code in enumerate(states) if code != PENDING)
            # The event thread may drain meanwhile: it goes as far as the shortest of the three.
            self.records = (*self.records, record)
            self._starts.append(self.n + record.n)
            self._dirty.append(dirty)
            self.n += record.n
        return start + index


class Gathering:
    """What the present cell has displayed of single results.

    Args:
        make: Makes a table of a tally: its title, the tally, and the numbers of what is shown.
        show: Shows it, and has the one before it stay as it is.
    """

    def __init__(
        self,
        make: Callable[[str, Tally, Sequence[int]], Results],
        show: Callable[[Results], None],
    ) -> None:
        self._make = make
        self._show = show
        self._begin()

    def _begin(self) -> None:
        self._single: list[tuple[AsyncResult[Any], LiveView]] = []
        self._pile = Pile()
        self._numbers: dict[int, None] = {}
        self._shown: list[int] = []
        self._table: Results | None = None

    def end_cell(self) -> None:
        """What is displayed from now on belongs to another cell."""
        if self._table is not None:
            self._table.grow()
        self._begin()

    def note(self, result: AsyncResult[Any], view: LiveView) -> None:
        """A result has been given a place of its own."""
        self._single.append((result, view))

    def takes(self, result: AsyncResult[Any]) -> bool:
        """Whether a result is a row of the cell's table, and is not to be shown on its own."""
        if self._table is None and len(self._single) < MOST:
            return False
        for each in [one for one, _ in self._single] or [result]:
            self._add(each)
        if self._table is None:
            self._add(result)
            self._open()
        else:
            self._table.grow(is_soon=True)
        return True

    def _add(self, result: AsyncResult[Any]) -> None:
        number = self._pile.number(result.record, result.index)
        if number not in self._numbers:
            self._numbers[number] = None
            self._shown.append(number)

    def _open(self) -> None:
        """The table takes the place of the first; the others leave theirs, which has no height."""
        names = {one.name for one, _ in self._single}
        title = names.pop() if len(names) == 1 else "results"
        self._table = self._make(title, self._pile, self._shown)
        (_, first), *others = self._single
        self._table.take_place(first.leave())
        for _, view in others:
            handle = view.leave()
            if handle is not None:
                handle.update(_NOTHING, raw=True)
        self._single.clear()
        self._show(self._table)
