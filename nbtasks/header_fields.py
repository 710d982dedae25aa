"""The fields of a header, each as what it has to be.

Who writes to Redis writes headers, and a worker's parent reads them before anybody has looked at
the signature: of the wrong type, or too large, they must not get further than here. What is not
right raises TypeError, and `Header.decode` says whose it is.
"""

import re
from typing import Any, Final

from nbtasks.retry import RetryPolicy

MAX_FIELD: Final = 1000
"""Characters of a name in a header."""

MAX_NUMBER: Final = 2**53

_PACKAGE: Final = re.compile(r"[^\W\d]\w{0,200}:[0-9a-f]{32}-[0-9A-Za-z-]{1,64}")


def read_text(value: Any) -> str:
    """A name, if it is one."""
    if not isinstance(value, str) or len(value) > MAX_FIELD or not value.isprintable():
        raise TypeError("no plain text")
    return value


def read_flag(value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError("no flag")
    return value


def read_number(value: Any) -> int:
    """A whole number that Lua can hold, too."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise TypeError("no number")
    return value


def read_policy(fields: Any) -> RetryPolicy:
    """When it is tried again."""
    for name in ("max", "delay", "cap") if fields else ():
        read_number(fields[name])
    for name in ("backoff", "jitter") if fields else ():
        read_flag(fields[name])
    for each in (*fields.get("on", ()), *fields.get("not", ())):
        read_text(each)
    read_flag(fields.get("auto", True))
    return RetryPolicy.from_header(fields)


def read_packages(value: Any) -> tuple[str, ...]:
    """Which modules go along; the names become keys, and names of files."""
    if not all(_PACKAGE.fullmatch(read_text(each)) for each in value):
        raise TypeError("no package")
    return tuple(value)
