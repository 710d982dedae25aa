"""Values as JSON, and nothing but JSON: what would come back as something else is refused.

One exception: a tuple becomes a list, as everywhere in JSON, since the arguments of a call are one.
"""

import json
import math
from typing import Any, Final, cast

from nbtasks.errors import Unsendable
from nbtasks.serializers import CellValue, type_name

_VALUE: Final = b"J"
_CELL: Final = b"C"
_ATOMS: Final = (str, int, bool, type(None))

_ADVICE: Final = (
    "with serializer='json' only numbers, text, True, False, None, lists, and dicts with text as"
    " keys, travel"
)


class _NotPlainError(Exception):
    """Something in a value is not JSON; `where` is the way there, the innermost step first."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.where: list[str] = []


def encode(value: object, what: str) -> tuple[bytes, bool]:
    """The payload of a value that is JSON, which any Python version can load.

    Args:
        value: Numbers, text, True, False, None, lists, dicts with text as keys; or a `CellValue`.
        what: What it is, for the error.

    Raises:
        Unsendable: It is something else, or something in it is.
    """
    kind, plain = _VALUE, value
    if isinstance(value, CellValue):
        kind, plain = _CELL, [value.value, value.outputs]
    try:
        _check(plain)
        text = json.dumps(plain, separators=(",", ":"), allow_nan=False)
    except _NotPlainError as error:
        path = "".join(reversed(error.where))
        place = f", at {path}" if path else ""
        reason = f"{error.args[0]} is not JSON{place}"
        raise Unsendable(what, type_name(value), reason, _ADVICE) from None
    except RecursionError:
        reason = "it is nested too deeply, or contains itself"
        raise Unsendable(what, type_name(value), reason, _ADVICE) from None
    except ValueError as error:  # an integer of thousands of digits
        raise Unsendable(what, type_name(value), str(error), _ADVICE) from None
    return kind + text.encode(), True


def same(value: object, what: str) -> bytes:
    """Bytes to compare: the same for what is the same, in every process.

    Raises:
        Unsendable: It cannot be encoded.
    """
    return encode(value, what)[0]


def decode(payload: bytes | memoryview) -> Any:
    """The value of a *verified* payload of `encode`."""
    found = json.loads(bytes(payload[1:]).decode())
    if bytes(payload[:1]) == _CELL:
        value, outputs = found
        return CellValue(value, outputs)
    return found


def _check(value: Any) -> None:
    """Raise `_NotPlainError` where something is not JSON."""
    if isinstance(value, _ATOMS):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _NotPlainError(repr(value))
    elif isinstance(value, dict):
        for key, item in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                raise _NotPlainError(f"{key!r} as a key")
            _check_item(item, key)
    elif isinstance(value, (list, tuple)):
        for at, item in enumerate(cast("list[object]", value)):
            _check_item(item, at)
    else:
        raise _NotPlainError(f"an object of type {type_name(value)}")


def _check_item(item: object, key: object) -> None:
    try:
        _check(item)
    except _NotPlainError as error:
        error.where.append(f"[{key!r}]")
        raise
