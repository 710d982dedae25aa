"""Lengths of time as people write and read them: `90s`, `1h30m`, "2 hours" (pure)."""

import re
from typing import Final

SECOND_MS: Final = 1000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS

_UNITS: Final = (
    ("w", "week", WEEK_MS),
    ("d", "day", DAY_MS),
    ("h", "hour", HOUR_MS),
    ("m", "minute", MINUTE_MS),
    ("s", "second", SECOND_MS),
)
_NUMBER: Final = r"([0-9]+(?:\.[0-9]+)?)"
_TEXT: Final = re.compile(
    "".join(rf"(?:{_NUMBER}{letter}{'?' if letter == 's' else ''}\s*)?" for letter, _, _ in _UNITS)
)


def read_seconds(text: str) -> float | None:
    """Seconds of a text like `90`, `90s`, `5m`, `1h30m`, `2d` or `1w`; None where it is none."""
    found = _TEXT.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    parts = zip(found.groups(), _UNITS, strict=True)
    return sum(float(part or 0) * (unit / SECOND_MS) for part, (_, _, unit) in parts)


def short(ms: int) -> str:
    """As `read_seconds` reads it: `1h30m`, `0.5s`."""
    return "".join(f"{_number(count)}{letter}" for count, letter, _ in _split(ms)) or "0s"


def in_words(ms: int) -> str:
    """As one reads it: `1 hour 30 minutes`, `0.5 seconds`."""
    parts = [f"{_number(count)} {word}{'' if count == 1 else 's'}" for count, _, word in _split(ms)]
    return " ".join(parts) or "0 seconds"


def _split(ms: int) -> list[tuple[float, str, str]]:
    parts: list[tuple[float, str, str]] = []
    for letter, word, unit in _UNITS:
        count = ms / unit if unit == SECOND_MS else ms // unit
        # Days add up to weeks only where nothing is left over: "10 days", not "1 week 3 days".
        if not count or (unit == WEEK_MS and ms % unit):
            continue
        ms -= int(count * unit)
        parts.append((count, letter, word))
    return parts


def _number(count: float) -> str:
    return f"{count:.3f}".rstrip("0").rstrip(".")
