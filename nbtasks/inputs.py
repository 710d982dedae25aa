"""What a task gets from the tasks before it: said in its header, and so signed with its arguments.

A source is text, as Redis has it too:

    w<rid>       the values of all members of a record (of a record of one: of that one)
    1<rid>/<i>   the value of member i of it
    e<rid>       of member i the value of member i of it

A shape says how values are made of those, as JSON: `["v", k]` is the first value of source k,
`["a", k]` stands in a list for all values of source k, `["l", [...]]` is a list of shapes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.serializers import value_alone

Path = tuple[int, ...]
"""The way to a place in (args, kwargs): the number of the item at each step, also in a dict."""

Shape = list[Any]

PLAIN: Final = frozenset({int, float, complex, bool, str, bytes, type(None)})
"""Classes of values that nobody can change, and that hold no others."""

_SOURCE: Final = re.compile(r"(?:[we][^\s/]{1,255}|1[^\s/]{1,255}/\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a record takes from others.

    Attributes:
        sources: Those whose values are delivered with each slice, in this order.
        take: The shape of what becomes the first argument; None for nothing.
        puts: Shapes of what is put into the arguments, and where.
        is_errback: It gets the failure of the one of its sources that failed first.
        counts: How many values each source delivers; of `e` the one that is a member's own. Empty
            where nobody has counted.
        takes_errors: What did not succeed stands among the values, as its error or as None;
            otherwise it is an error.
    """

    sources: tuple[str, ...]
    take: Shape | None = None
    puts: tuple[tuple[Path, Shape], ...] = ()
    is_errback: bool = False
    counts: tuple[int, ...] = ()
    takes_errors: bool = False

    def to_header(self) -> dict[str, Any]:
        """As JSON."""
        fields: dict[str, Any] = {"from": self.sources}
        if self.take is not None:
            fields["take"] = self.take
        if self.puts:
            fields["put"] = self.puts
        if self.is_errback:
            fields["eb"] = True
        if self.counts:
            fields["n"] = self.counts
        if self.takes_errors:
            fields["any"] = True
        return fields

    @classmethod
    def from_header(cls, fields: Any) -> "Inputs":
        """What `to_header` made.

        Raises:
            TypeError: It made nothing like this.
        """
        found = fields["from"]
        if not all(isinstance(source, str) and _SOURCE.fullmatch(source) for source in found):
            raise TypeError("no sources")
        count = len(found)
        counts = tuple(fields.get("n", ()))
        if not all(isinstance(each, int) for each in counts) or len(counts) not in {0, count}:
            raise TypeError("no counts")
        take = fields.get("take")
        return cls(
            sources=tuple(found),
            take=None if take is None else _shape(take, count),
            puts=tuple(
                (_path(path), _shape(shape, count)) for path, shape in fields.get("put", ())
            ),
            is_errback=fields.get("eb") is True,
            counts=counts,
            takes_errors=fields.get("any") is True,
        )


def make(shape: Shape, values: Sequence[Sequence[Any]]) -> Any:
    """The value of a shape, from the values of each source."""
    kind, rest = shape
    if kind == "v":
        return value_alone(values[rest][0])
    found: list[Any] = []
    for item in rest:
        if item[0] == "a":
            found += map(value_alone, values[item[1]])
        else:
            found.append(make(item, values))
    return found


def place(into: Any, path: Path, value: Any) -> Any:
    """The same arguments with a value at a place; what is on the way there is copied."""
    if not path:
        return value
    at, rest = path[0], path[1:]
    if hasattr(into, "items"):
        name = list(into)[at]
        return {**into, name: place(into[name], rest, value)}
    whole = list(into)
    whole[at] = place(whole[at], rest, value)
    return tuple(whole) if isinstance(into, tuple) else whole


def _shape(found: Any, count: int, *, inside: bool = False) -> Shape:
    """A shape that came in a message, if it is one over so many sources."""
    kind, rest = found
    if kind == "l":
        return ["l", [_shape(item, count, inside=True) for item in rest]]
    known = kind == "v" or (kind == "a" and inside)
    if not known or not isinstance(rest, int) or not 0 <= rest < count:
        raise TypeError("no shape")
    return [kind, rest]


def _path(found: Any) -> Path:
    if not all(isinstance(step, int) and not isinstance(step, bool) for step in found):
        raise TypeError("no path")
    return tuple(found)
