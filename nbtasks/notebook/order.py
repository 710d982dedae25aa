"""Which tasks a table shows, and in what order: a filter and a sort, found once for many pages."""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.notebook.tally import CODE_PROGRESS, CODE_STARTED, Tally
from nbtasks.notebook.words import clean

ANY: Final = -1
"""In place of a state's code."""

_KEPT: Final = 4
"""Orders that are remembered: that of each browser that looks."""

_WORDS: Final = 200
_DIGITS: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser wants to see.

    Attributes:
        state: Only those with this code; `ANY` for all.
        text: Only those whose label or error has these words; empty for all.
        sort: By what, a key of `SORTS`; empty for the order in which they were defined.
        down: The last ones first.
    """

    state: int
    text: str
    sort: str
    down: bool

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Wish":
        """What a message says; what it does not say, or says wrongly, is not wished for."""
        state, sort = content.get("state", ANY), content.get("sort", "")
        return cls(
            state if isinstance(state, int) else ANY,
            clean(str(content.get("text", "")), _WORDS).lower(),
            sort if sort in SORTS else "",
            content.get("down") is True,
        )


class Orders:
    """The tasks of a tally as they were wished for.

    Args:
        tally: Of which tasks.
        shown: The numbers of those that there are to see; more may be added to it.
    """

    def __init__(self, tally: Tally, shown: Sequence[int]) -> None:
        self._tally = tally
        self._shown = shown
        self._known: OrderedDict[Wish, Sequence[int]] = OrderedDict()

    def of(self, wish: Wish, *, is_fresh: bool = True) -> Sequence[int]:
        """Their numbers.

        Args:
            wish: Which, and in what order.
            is_fresh: As it is now; else as it was when that was last asked for, so that pages which
                are fetched one after the other fit together.
        """
        if is_fresh or wish not in self._known:
            self._known[wish] = self._find(wish)
        self._known.move_to_end(wish)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return self._known[wish]

    def _find(self, wish: Wish) -> Sequence[int]:
        tally = self._tally
        found = self._shown[:]  # before the codes: a loop may add more meanwhile
        if wish.state != ANY:
            codes = tally.codes()
            wanted = {wish.state, CODE_PROGRESS} if wish.state == CODE_STARTED else {wish.state}
            found = [i for i in found if codes[i] in wanted]
        if wish.text:
            found = [i for i in found if wish.text in self._searched(i)]
        if wish.sort:
            return sorted(found, key=SORTS[wish.sort](tally), reverse=wish.down)
        return found[::-1] if wish.down else found

    def _searched(self, i: int) -> str:
        return f"{self._tally.label(i)} {error_words(self._tally, i)}".lower()


def took_ms(tally: Tally, i: int) -> int:
    """How long a task that has ended has run; 0: it has not, or that is not known."""
    record, index = tally.locate(i)
    start, end = record.started.get(index), record.ended.get(index, 0)
    return max(0, end - start.at_ms) if start and end else 0


def error_words(tally: Tally, i: int) -> str:
    """What went wrong, in words; empty for nothing."""
    record, index = tally.locate(i)
    error = record.errors.get(index)
    return f"{error.type_name}: {error.text}" if error else ""


def _by_label(tally: Tally) -> Callable[[int], str]:
    # As people count: 9 comes before 10.
    return lambda i: _DIGITS.sub(lambda found: found[0].zfill(12), tally.label(i).lower())


def _by_state(tally: Tally) -> Callable[[int], int]:
    return tally.codes().__getitem__


def _by_worker(tally: Tally) -> Callable[[int], str]:
    def key(i: int) -> str:
        record, index = tally.locate(i)
        start = record.started.get(index)
        return start.worker if start else ""

    return key


def _by_tries(tally: Tally) -> Callable[[int], int]:
    def key(i: int) -> int:
        record, index = tally.locate(i)
        return record.retries.get(index, 0)

    return key


SORTS: Final[Mapping[str, Callable[[Tally], Callable[[int], Any]]]] = {
    "task": _by_label,
    "state": _by_state,
    "took": lambda tally: lambda i: took_ms(tally, i),
    "worker": _by_worker,
    "tries": _by_tries,
    "error": lambda tally: lambda i: error_words(tally, i),
}
"""What can be sorted by: of each, what makes the key of a task."""
