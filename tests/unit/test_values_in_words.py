"""Values in a few words, for a table."""

import pytest

from nbtasks.errors import StoreUnavailable, UnknownTask
from nbtasks.live import LiveRecord
from nbtasks.notebook.values import VALUE_BYTES, WORDS, Glances, in_words
from nbtasks.serializers import CellValue
from nbtasks.states import FAILURE, SUCCESS


class Table:
    shape = (120, 8)


class Mute:
    def __repr__(self):
        raise ValueError("no words")


class Shelf:
    """Where values come from; what it has is not here, but for the event of the second."""

    def __init__(self, *found):
        self.store = self
        self.found = found
        self.asked = []

    def value_sizes(self, rid, indices):
        del rid
        return [VALUE_BYTES + 1 if index == 0 else 1 for index in indices]

    def values(self, record, indices):
        self.asked.append(list(indices))
        if any(index >= len(self.found) for index in indices):
            raise UnknownTask(record.rid)
        return [self.found[index] for index in indices]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1, "two\nlines"], r"[1, 'two\nlines']"),
        (None, "None"),
        (Table(), "Table 120 × 8"),
        ({"b": Table(), "a": {}}, "{'b': Table 120 × 8, 'a': {}}"),
        ({"a": {"b": {"c": {"d": 1}}}}, "{'a': {'b': {'c': {...}}}}"),
        (dict.fromkeys(range(9)), f"{{{', '.join(f'{n}: None' for n in range(8))}, ...}}"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
        (CellValue(7, {}), "7"),
        (CellValue(None, {"x": 1, "y": [2]}), "x=1, y=[2]"),
        ("\x1b[31mred\x00", r"'\x1b[31mred\x00'"),
    ],
)
def test_a_value_is_told_in_one_line(value, words):
    assert in_words(value) == words


def test_a_long_or_broken_repr_is_still_one_short_line():
    assert len(in_words("x" * 10_000)) <= WORDS
    assert "Mute" in in_words(Mute())


@pytest.fixture
def record():
    found = LiveRecord("a1", 5, "fit")
    found.finish(0, bytes([SUCCESS, SUCCESS, SUCCESS, FAILURE]), [b"", b"12"], "w1", 1)
    return found


def test_each_value_is_read_once_and_long_ones_never(record):
    shelf = Shelf(0, "one", 2)
    glances = Glances(lambda: shelf)
    members = [(record, index) for index in (4, 3, 2, 1, 0)]

    assert glances.read(members) == ["", "", "2", "'one'", "100 kB"]
    assert glances.read(members)[3] == glances.known(record, 1) == "'one'"
    assert sorted(shelf.asked[0]) == [1, 2]
    assert len(shelf.asked) == 1


def test_one_that_cannot_be_read_does_not_hide_the_others(record):
    shelf = Shelf(0, "one")

    found = Glances(lambda: shelf).read([(record, 1), (record, 2)])

    assert found[0] == "'one'"
    assert found[1].startswith("cannot be read here: no task 'a1'")


def test_without_redis_nothing_is_said_of_a_value(record):
    def gone():
        raise StoreUnavailable("redis://x", "away")

    with pytest.raises(StoreUnavailable):
        Glances(gone).read([(record, 1)])
    assert Glances(gone).known(record, 1) == ""
