"""What tasks have returned, in a few words: for a table, which shows many of them."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from reprlib import Repr
from typing import Any, Final, Protocol, cast

from nbtasks.errors import NbTasksError, StoreError
from nbtasks.live import LiveRecord
from nbtasks.notebook.words import clean, size
from nbtasks.serializers import CellValue
from nbtasks.states import SUCCESS

VALUE_BYTES: Final = 100_000
"""Of longer values only their size is told: reading one would take longer than looking at it."""

WORDS: Final = 120
KEPT: Final = 20_000

Members = Sequence[tuple[LiveRecord, int]]


class Weights(Protocol):
    """What knows how long values are: the store."""

    def value_sizes(self, rid: str, indices: Sequence[int]) -> list[int]:
        """Bytes of the signed values of members that have succeeded; 0 where there is none."""
        ...


class Values(Protocol):
    """What values are asked of: an app."""

    @property
    def store(self) -> Weights:
        """The store."""
        ...

    def values(self, record: LiveRecord, indices: Sequence[int]) -> list[Any]:
        """The values of finished members."""
        ...


class Glances:
    """Reads values, each once, as a few words; the newest of these are kept.

    Args:
        source: The app, once it is needed.
    """

    def __init__(self, source: Callable[[], Values]) -> None:
        self._source = source
        self._known: OrderedDict[tuple[str, int], str] = OrderedDict()

    def known(self, record: LiveRecord, index: int) -> str:
        """What was read before; empty for nothing."""
        return self._known.get((record.rid, index), "")

    def read(self, members: Members) -> list[str]:
        """The values of members in words, in their order; empty where there is none.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        wanted = [
            (record, index)
            for record, index in dict.fromkeys(members)
            if record.states[index] == SUCCESS and (record.rid, index) not in self._known
        ]
        for record, group in groupby(wanted, key=itemgetter(0)):
            told = self._of_record(record, [index for _, index in group])
            self._known.update(((record.rid, index), words) for index, words in told.items())
        found = [self.known(record, index) for record, index in members]
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found

    def _of_record(self, record: LiveRecord, indices: Sequence[int]) -> dict[int, str]:
        source, bodies = self._source(), record.bodies
        sizes = {index: len(bodies[index]) for index in indices if index in bodies}
        far = [index for index in indices if index not in sizes]
        if far:
            sizes.update(zip(far, source.store.value_sizes(record.rid, far), strict=True))
        found = {index: size(n) for index, n in sizes.items() if n > VALUE_BYTES}
        short = [index for index, n in sizes.items() if 0 < n <= VALUE_BYTES]
        return found | dict(zip(short, _read(source, record, short), strict=True))


def _read(source: Values, record: LiveRecord, indices: Sequence[int]) -> list[str]:
    """All at once; where one of them cannot be read, one by one."""
    try:
        return [in_words(value) for value in source.values(record, indices)]
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - unpickling runs user code
        if len(indices) == 1:
            return [_why(error)]
    return [words for index in indices for words in _read(source, record, [index])]


def _why(error: Exception) -> str:
    told = str(error) if isinstance(error, NbTasksError) else f"{type(error).__name__}: {error}"
    return clean(f"cannot be read here: {told}", WORDS)


class _Short(Repr):
    """A repr that looks at the beginnings of large values only."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 8
        self.maxstring = self.maxother = WORDS

    def repr1(self, x: Any, level: int) -> str:
        """One value, also among others: of what has a shape, that."""
        shape = getattr(x, "shape", None)
        if not isinstance(x, type) and isinstance(shape, tuple) and shape:
            sides = " × ".join(map(str, cast("Sequence[object]", shape)))
            return f"{type(x).__name__} {sides}"
        return super().repr1(x, level)

    def repr_dict(self, x: Mapping[object, object], level: int) -> str:
        """A dict in its own order: `Repr` would sort it."""
        if x and level <= 0:
            return "{...}"
        found = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        return f"{{{', '.join([*found, '...'] if len(x) > self.maxdict else found)}}}"


_SHORT: Final = _Short()


def in_words(value: object) -> str:
    """A value in one line: the beginning of its repr; of arrays and tables the shape."""
    if isinstance(value, CellValue):
        outputs = cast("Mapping[str, object]", value.outputs)
        if value.value is None and outputs:
            return clean(
                ", ".join(f"{name}={_repr(each)}" for name, each in outputs.items()), WORDS
            )
        value = value.value
    return clean(_repr(value), WORDS)


def _repr(value: object) -> str:
    try:
        return _SHORT.repr(value)
    except Exception as error:  # noqa: BLE001 - a user's class may raise anything
        return f"<its repr raised {type(error).__name__}>"
