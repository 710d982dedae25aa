"""What a cron rule says, in words (pure)."""

from collections.abc import Callable, Sequence
from typing import Final

from nbtasks.schedule.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH_OF_YEAR,
    Field,
    Values,
    ranges_of,
    step_of,
)

_TIMES: Final = 6  # so many times of the day are listed one by one


def clock_words(minutes: Values, hours: Values) -> str:
    """`at 07:00 and 19:00`, `every 15 minutes from 08:00 to 18:45`, `every hour at :30`."""
    if hours == HOUR.every:
        return _of_each_hour(minutes)
    if len(hours) * len(minutes) <= _TIMES and minutes != MINUTE.every:
        return f"at {listed([f'{hour:02}:{minute:02}' for hour in hours for minute in minutes])}"
    spans = ranges_of(hours)
    step = _even_step(MINUTE, minutes)
    if len(spans) == 1 and (step or len(minutes) == 1):
        span = f"from {spans[0][0]:02}:{minutes[0]:02} to {spans[0][1]:02}:{minutes[-1]:02}"
        return f"{_every(step, 'minute') if step else 'every hour'} {span}"
    if len(minutes) == 1 and _even_step(HOUR, hours):
        return f"{_every(_even_step(HOUR, hours), 'hour')}{_at(minutes)}"
    names = _spans(spans, lambda hour: f"{hour:02}")
    return f"{_of_each_hour(minutes)}, in the hour{'' if len(hours) == 1 else 's'} {names}"


def day_words(weekdays: Values, days: Values, months: Values) -> str:
    """`Monday to Friday`, `on the 1st if it is Monday, January to March`; '' for every day."""
    week = "" if weekdays == DAY_OF_WEEK.every else _week(weekdays)
    month = "" if months == MONTH_OF_YEAR.every else _named(MONTH_OF_YEAR, months)
    if days == DAY_OF_MONTH.every:
        alone = f"every {week}" if len(weekdays) == 1 else week
        return ", ".join(part for part in (alone, month) if part)
    condition = f" if it is {week}" if week else ""
    if len(days) == len(months) == 1:
        return f"on {days[0]} {month}{condition}"
    return f"on the {_days(days)}{condition}{f', {month}' if month else ''}"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _of_each_hour(minutes: Values) -> str:
    step = _even_step(MINUTE, minutes)
    if step:
        return _every(step, "minute")
    if step_of(MINUTE, minutes):
        return f"every {_ordinal(step_of(MINUTE, minutes))} minute of each hour, from :00"
    return f"every hour{_at(minutes)}"


def _at(minutes: Values) -> str:
    if minutes == (0,):
        return ""
    return f" at {_spans(ranges_of(minutes), lambda minute: f':{minute:02}')}"


def _even_step(field: Field, values: Values) -> int:
    """The distance of values that are equally far apart, also from one hour or day to the next."""
    if values == field.every:
        return 1
    size = field.high + 1
    step = values[1] - values[0] if len(values) > 1 else 0
    return step if step and size % step == 0 and values == field.every[::step] else 0


def _every(step: int, word: str) -> str:
    return f"every {word}" if step == 1 else f"every {step} {word}s"


def _spans(spans: Sequence[tuple[int, int]], name: Callable[[int], str]) -> str:
    return listed([name(a) if a == b else f"{name(a)} to {name(b)}" for a, b in spans])


def _week(weekdays: Values) -> str:
    # From Monday on: nobody calls a weekend "Sunday and Saturday".
    days = sorted(day or 7 for day in weekdays)
    return _spans(ranges_of(tuple(days)), lambda day: DAY_OF_WEEK.names[day % 7].title())


def _named(field: Field, values: Values) -> str:
    return _spans(ranges_of(values), lambda value: field.names[value - field.low].title())


def _days(days: Values) -> str:
    step = step_of(DAY_OF_MONTH, days)
    if step > 1:
        return f"1st and every {step} days after it"
    return _spans(ranges_of(days), _ordinal)


def _ordinal(number: int) -> str:
    teen = number // 10 % 10 == 1
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
