"""One field of a cron rule: from text, a number or several to a sorted tuple, and back (pure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest

Values = tuple[int, ...]
Spec = int | str | Iterable[int | str]

_LETTERS: Final = 3  # `mon`, `mond` and `monday` are Monday
_RUN: Final = 3  # from how many on a run of values is written as a range
_PART: Final = re.compile(
    r"(?:\*|(?P<first>[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?)(?:/(?P<step>[0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class Field:
    """What a field may hold: its name, the lowest and highest value, and names of its values."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def every(self) -> Values:
        """All values it may have: `*`."""
        return tuple(range(self.low, self.high + 1))


MINUTE: Final = Field("minute", 0, 59)
HOUR: Final = Field("hour", 0, 23)
DAY_OF_WEEK: Final = Field(
    "day_of_week",
    0,
    6,
    ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
)
DAY_OF_MONTH: Final = Field("day_of_month", 1, 31)
MONTH_OF_YEAR: Final = Field(
    "month_of_year",
    1,
    12,
    (
        "january", "february", "march", "april", "may", "june",
        "july", "august", "september", "october", "november", "december",
    ),
)  # fmt: skip


def read(field: Field, spec: Spec) -> Values:
    """The values that a number, a text like `1-5,*/10` or several of either stand for, sorted.

    Raises:
        ConfigError: It is none of these, or out of range, or nothing at all.
    """
    found = {value % 7 if field is DAY_OF_WEEK else value for value in _expand(field, spec)}
    if not found:
        raise ConfigError(f"{field.name} is {spec!r}: it holds no value, so it never comes")
    return tuple(sorted(found))


def _expand(field: Field, spec: object) -> list[int]:
    if isinstance(spec, str):
        parts = [part.strip() for part in spec.lower().split(",")]
        return [value for part in parts for value in _part(field, part, spec)]
    if isinstance(spec, int) and not isinstance(spec, bool):
        return [_checked(field, spec, spec)]
    if not isinstance(spec, Iterable):
        raise ConfigError(
            f"{field.name} is {spec!r}: give a number, text like '1-5' or '*/10', or several"
        )
    several = cast("Iterable[object]", spec)
    return [value for item in several for value in _expand(field, _single(field, item))]


def _single(field: Field, item: object) -> int | str:
    if isinstance(item, (int, str)):
        return item
    raise ConfigError(f"{field.name} holds {item!r}: give numbers, or text like '1-5'")


def _part(field: Field, part: str, spec: str) -> list[int]:
    found = _PART.fullmatch(part)
    if found is None:
        raise ConfigError(
            f"{field.name} is {spec!r}: {part!r} is no number, name, range or step, such as"
            f" {field.low}, {field.low}-{field.high} or */2"
        )
    first, last, step = found.groups()
    if first is None:
        values = list(field.every)
    elif last is not None:
        values = _range(field, _number(field, first, spec), _number(field, last, spec))
    elif step is not None:
        raise ConfigError(
            f"{field.name} is {spec!r}: a step goes over a range:"
            f" did you mean '{first}-{field.high}/{step}'?"
        )
    else:
        values = [_number(field, first, spec)]
    return values if step is None else values[:: _step(field, int(step), spec)]


def _range(field: Field, first: int, last: int) -> list[int]:
    if first <= last:
        return list(range(first, last + 1))
    return [*range(first, field.high + 1), *range(field.low, last + 1)]


def _step(field: Field, step: int, spec: str) -> int:
    # A step beyond the field is legal cron, and never what was meant: `*/90` is once an hour.
    if 1 <= step <= field.high:
        return step
    raise ConfigError(
        f"{field.name} is {spec!r}: a step is from 1 to {field.high}; every('90m') counts across"
        " hours and days"
    )


def _number(field: Field, text: str, spec: str) -> int:
    if text.isdecimal():
        return _checked(field, int(text), spec)
    for value, name in enumerate(field.names, field.low):
        if len(text) >= _LETTERS and name.startswith(text):
            return value
    known = [name[:_LETTERS] for name in field.names]
    hint = nearest(text, known) if known else f": give a number from {field.low} to {field.high}"
    raise ConfigError(f"{field.name} is {spec!r}: there is no {text!r}{hint}")


def _checked(field: Field, value: int, spec: object) -> int:
    high = 7 if field is DAY_OF_WEEK else field.high
    if field.low <= value <= high:
        return value
    raise ConfigError(f"{field.name} is {spec!r}: {value} is not from {field.low} to {high}")


def text_of(field: Field, values: Values) -> str:
    """The shortest text that stands for these values: `*/10`, `mon-fri`, `1,15`."""
    if values == field.every:
        return "*"
    step = step_of(field, values)
    if step:
        return f"*/{step}"
    parts: list[str] = []
    for first, last in ranges_of(values):
        parts.append(_name(field, first))
        if last > first:
            parts[-1] += f"-{_name(field, last)}"
    return ",".join(parts)


def step_of(field: Field, values: Values) -> int:
    """The step of `*/step`; 0 where the values are not of that form."""
    if len(values) < _RUN:
        return 0
    step = values[1] - values[0]
    return step if step > 1 and values == field.every[::step] else 0


def ranges_of(values: Values) -> list[tuple[int, int]]:
    """The values as first and last of their runs; two in a row are no run."""
    breaks = [at for at, (a, b) in enumerate(pairwise(values), 1) if b != a + 1]
    runs = [values[a:b] for a, b in pairwise([0, *breaks, len(values)])]
    return [
        pair
        for run in runs
        for pair in ([(run[0], run[-1])] if len(run) >= _RUN else [(one, one) for one in run])
    ]


def _name(field: Field, value: int) -> str:
    return field.names[value - field.low][:_LETTERS] if field.names else str(value)
