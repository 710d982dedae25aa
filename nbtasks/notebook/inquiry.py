"""What is found out about one task when somebody opens it: asked of Redis and of its worker."""

import keyword
import logging
from ast import literal_eval
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nbtasks.app import App
from nbtasks.errors import NbTasksError
from nbtasks.live import LiveRecord
from nbtasks.notebook.cell import FIRST_LINE
from nbtasks.notebook.heard import Answer, Message
from nbtasks.notebook.shown import display_of
from nbtasks.notebook.values import in_words
from nbtasks.notebook.words import Run, clean, runs, size
from nbtasks.output import RICH
from nbtasks.past import stored_header, stored_size
from nbtasks.retry import FOREVER
from nbtasks.serializers import CellValue
from nbtasks.stacks import shipped_source
from nbtasks.store.places import find_place
from nbtasks.waiting import ResultSource

logger = logging.getLogger(__name__)

STACK_S: Final = 3.0
_KNOWN: Final = 200
"""Of so many tasks the arguments are remembered: a value takes their place."""
_SHOWN: Final = 20
_LARGEST: Final = 1_000_000
_SMALL: Final = 100_000
_CODE: Final = 1_000
"""An argument is copied as code that is so long at most."""
_STACK: Final = 12_000
_VALUE: Final = 8_000
_UNKNOWN: Final = "..."
_PUT_IN: Final = "# Put in what stands here as `...`: it cannot be copied as code.\n"
_GONE: Final = "# Put in what --for gave it: that is not stored any more.\n"

Call = tuple[Sequence[Any], Mapping[str, Any]]


class Inquiry:
    """Asks about tasks, on the thread of a click.

    Args:
        app: Whose tasks they are.
        source: Where their results come from.
    """

    def __init__(self, app: App, source: ResultSource) -> None:
        self._app = app
        self._source = source
        self._calls: dict[tuple[str, int], Message] = {}

    @property
    def is_secret(self) -> bool:
        """Whether what tasks get and give is encrypted: then no notebook keeps it unasked."""
        return bool(self._app.config.encrypt)

    def call(self, record: LiveRecord, index: int) -> Message:
        """How a member was called: its arguments, the code of the call, and its tries at most."""
        key = record.rid, index
        if key not in self._calls:
            found = self._read(record, index)
            if found["args"] is None:
                return found
            self._calls[key] = found
            while len(self._calls) > _KNOWN:
                self._calls.pop(next(iter(self._calls)), None)
        return self._calls[key]

    def answer(self, what: str, record: LiveRecord, index: int) -> Answer:
        """What a click asks: `place`, `stack` or `value`."""
        try:
            match what:
                case "place":
                    return "", self.place(record, index)
                case "stack":
                    return "", {"stack": self.stack(record, index)}
                case _:
                    self.fetch_value(record, index)
                    return "", None
        except NbTasksError as error:
            return clean(str(error)), None

    def place(self, record: LiveRecord, index: int) -> Message:
        """How many are taken before it, and when it is due (ms since 1970); None for neither.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        found = None if self._is_here else find_place(self._app.store, record.rid, index)
        if found is None:
            return {"ahead": None, "due": None}
        return {"ahead": found.ahead, "due": found.due_ms}

    def stack(self, record: LiveRecord, index: int) -> list[Run]:
        """Where it is right now.

        Raises:
            NotRunning: It does not run.
            WaitTimeout: Its worker has not answered.
        """
        return runs([("", self._source.stack(record, index, STACK_S))], _STACK)

    def read_value(self, record: LiveRecord, index: int) -> None:
        """The same where the value is small, and can be had: nobody has asked for it."""
        if self.is_secret or self._is_here:
            return
        try:
            if stored_size(self._app.store, record, index) <= _SMALL:
                self.fetch_value(record, index)
        except Exception as error:  # noqa: BLE001 - of what is unpickled anything may raise
            logger.debug("the value of task %s is not shown: %r", record.task_id(index), error)

    def fetch_value(self, record: LiveRecord, index: int) -> None:
        """Let what it has returned be shown with it, as a notebook would show it.

        Raises:
            UnknownTask: It is not stored any more.
            BadSignature: It is not signed by our key.
        """
        (value,) = self._source.values(record, [index])
        if isinstance(value, CellValue):
            value = value.value
        record.write(index, "value", _words(value)[:_VALUE])
        if rich := display_of(value):
            record.write(index, RICH, rich)

    @property
    def _is_here(self) -> bool:
        return self._source.is_eager

    def _read(self, record: LiveRecord, index: int) -> Message:
        try:
            args = self._arguments(record, index)
            header = None if self._is_here else stored_header(self._app.store, record)
            cell = "" if self._is_here else _cell(shipped_source(self._app.connection, record)[1])
        except NbTasksError:
            return {"args": None, "code": "", "most": None}
        most = header.retry.max_retries if header is not None else 0
        code = _cell_code(record, cell, args) if cell else self._code(record, args)
        return {
            "args": None if args is None else _lines(*args),
            "code": code,
            "most": most if 0 < most < FOREVER else None,
        }

    def _arguments(self, record: LiveRecord, index: int) -> Call | None:
        if not self._is_here:
            amount = stored_size(self._app.store, record, index)
            if amount > _LARGEST:
                return (_Large(amount),), {}
        try:
            return self._source.arguments(record, index)
        except NbTasksError:
            raise
        except Exception as error:  # noqa: BLE001 - of what is unpickled anything may raise
            return (_Broken(error),), {}

    def _code(self, record: LiveRecord, call: Call | None) -> str:
        name = record.name.rpartition(".")[2]
        if not name.isidentifier() or keyword.iskeyword(name):
            name = f"app.tasks[{record.name!r}]"
        args, kwargs = call or ((...,), {})
        plain = list(map(_literal, args))
        named = {key: _literal(each) for key, each in kwargs.items()}
        missing = _missing([*plain, *named.values()])
        given = ", ".join([*plain, *(f"{key}={each}" for key, each in named.items())])
        queue = record.queue
        if not queue or queue == self._app.config.default_queue:
            return f"{missing}{name}.delay({given})"
        return f"{missing}{name}.s({given}).apply_async(queue={queue!r})"


class _Large:
    """Stands for arguments that are not fetched."""

    def __init__(self, amount: int) -> None:
        self._amount = amount

    def __repr__(self) -> str:
        return f"<{size(self._amount)}>"


class _Broken:
    """Stands for arguments that cannot be decoded here."""

    def __init__(self, error: Exception) -> None:
        self._error = type(error).__name__

    def __repr__(self) -> str:
        return f"<they cannot be read here: {self._error}>"


def _words(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything
        return f"<its repr raised {type(error).__name__}>"


def _lines(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each argument, in words."""
    named = [*(("", each) for each in args), *kwargs.items()]
    found = [(clean(name, 40), in_words(value)) for name, value in named[:_SHOWN]]
    if len(named) > _SHOWN:
        found.append(("", f"and {len(named) - _SHOWN} more"))
    return found


def _literal(value: object) -> str:
    """A value as code that gives an equal one; `...` where it has none, or one that is long."""
    text = _words(value)
    try:
        if len(text) <= _CODE and literal_eval(text) == value:
            return text
    except Exception as error:  # noqa: BLE001 - what is no literal; a user's __eq__ may raise anything
        logger.debug("%s is not copied: %r", type(value).__name__, error)
    return _UNKNOWN


def _missing(given: Sequence[str]) -> str:
    """A line that says what arguments lack, where they do."""
    return _PUT_IN if _UNKNOWN in given else ""


def _cell(source: str) -> str:
    """A cell as it was written; empty for other code."""
    return source.removeprefix(FIRST_LINE) if source.startswith(FIRST_LINE) else ""


def _cell_code(record: LiveRecord, cell: str, call: Call | None) -> str:
    """The cell, and the line above it, which sends just this member."""
    kwargs: Mapping[str, Any] = call[1] if call is not None else {}
    names, given = ", ".join(kwargs), list(map(_literal, kwargs.values()))
    values = f"({', '.join(given)})" if len(given) > 1 else "".join(given)
    each = f" --for {names} in [{values}]" if given else ""
    queue = f" -q {record.queue}" if record.queue not in {"", "default"} else ""
    missing = _GONE if call is None and record.n > 1 else _missing(given)
    return f"%%task {record.name}{queue}{each}\n{missing}{cell}"
