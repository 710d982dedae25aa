"""Completes the lines of our magics: options, and the values that are known."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast
from zoneinfo import available_timezones

from IPython.core import completer as _completer
from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult

from nbtasks.errors import NbTasksError
from nbtasks.notebook.outgoing import error_names
from nbtasks.notebook.session import Session
from nbtasks.notebook.vocabulary import (
    BROKER_OPTIONS,
    FLAG,
    REFERENCES,
    SCHEDULE_COMMANDS,
    SCHEDULE_OPTIONS,
    STATES,
    TASK_OPTIONS,
    TASKS_COMMANDS,
    TASKS_OPTIONS,
    WORKERS_COMMANDS,
    WORKERS_OPTIONS,
    Option,
)
from nbtasks.result.base import ResultBase
from nbtasks.store.fleet import WorkerFacts

_MAGICS: Final[Mapping[str, Sequence[Option]]] = {
    "%%task": TASK_OPTIONS,
    "%task": TASK_OPTIONS,
    "%tasks": TASKS_OPTIONS,
    "%broker": BROKER_OPTIONS,
    "%workers": WORKERS_OPTIONS,
    "%schedule": SCHEDULE_OPTIONS,
    "%%schedule": SCHEDULE_OPTIONS,
}
_LINE: Final = re.compile(r"\s*(?:[A-Za-z_]\w*\s*=\s*)?(%%?\w+)\s(.*)$")
_WORD: Final = re.compile(r"[^\s,=]*$")

Matcher = Callable[[CompletionContext], SimpleMatcherResult]


@dataclass(frozen=True, slots=True)
class Found:
    """What may stand at the cursor: `fragment` is what stands there already."""

    fragment: str
    words: Sequence[str]


def matcher(shell: Any, session: Session) -> Matcher:
    """A matcher for `custom_matchers`; where a line is ours, no other one has a say."""

    def nbtasks_matcher(context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.splitlines() or [""]
        at = min(context.cursor_line, len(lines) - 1)
        before = lines[at][: context.cursor_position]
        found = complete(before, at, lambda source: _values(source, shell, session))
        if found is None:
            return {"completions": []}
        return {
            "completions": [SimpleCompletion(text=word, type="param") for word in found.words],
            "matched_fragment": found.fragment,
            "suppress": True,
        }

    mark = cast("Callable[[], Callable[[Matcher], Matcher]]", _completer.context_matcher)
    return mark()(nbtasks_matcher)


def complete(before: str, row: int, values: Callable[[str], Sequence[str]]) -> Found | None:
    """What may follow in a line of a magic of ours; None where it is none, or knows nothing.

    Args:
        before: The line up to the cursor.
        row: Which line of the cell it is, from 0.
        values: Gives what is known of a source: see `Option`.
    """
    line = _LINE.match(before)
    if line is None or line[1] not in _MAGICS or (line[1].startswith("%%") and row):
        return None
    magic, rest = line[1], line[2]
    if magic == "%task" and " -- " in f"{rest} ":
        return None
    known = _MAGICS[magic]
    found = _WORD.search(rest)
    fragment = found[0] if found else ""
    words = rest[: len(rest) - len(fragment)].split()
    option = _option_before(words, known)
    if option is not None:
        wanted = option.choices or values(option.source)
    elif fragment.startswith("-"):
        wanted = [f"--{option.long}" for option in known]
    elif magic == "%tasks":
        wanted = [*values("sent"), *REFERENCES] if words else list(TASKS_COMMANDS)
    elif magic == "%schedule":
        wanted = values("entries") if words else list(SCHEDULE_COMMANDS)
    elif magic == "%workers" and words[:1] == ["sync"]:
        return None  # IPython completes paths
    elif magic == "%workers":
        wanted = [*values("workers"), "all"] if words else list(WORKERS_COMMANDS)
    else:
        return None
    return Found(fragment, [word for word in wanted if word.startswith(fragment)])


def _option_before(words: Sequence[str], known: Sequence[Option]) -> Option | None:
    """The option whose value stands at the cursor; of a list it may be a later one."""
    at = len(words) - 1
    while at > 0 and words[at].endswith(",") and not words[at].startswith("-"):
        at -= 1
    name = words[at].rstrip("=").partition("=")[0] if words and at >= 0 else ""
    for option in known:
        if option.kind != FLAG and name in {f"--{option.long}", f"-{option.short}"}:
            return option
    return None


def _values(source: str, shell: Any, session: Session) -> Sequence[str]:
    namespace: Mapping[str, Any] = shell.user_ns
    names = [name for name in namespace if not name.startswith("_")]
    found: dict[str, Callable[[], Sequence[str]]] = {
        "states": lambda: STATES,
        "errors": lambda: [*(name for name in names if _is_error(namespace[name])), *error_names()],
        "results": lambda: [name for name in names if isinstance(namespace[name], ResultBase)],
        "variables": lambda: [*names, "none"],
        "sent": lambda: _sent(session),
        "entries": lambda: _entries(session),
        "zones": lambda: sorted(available_timezones()),
        "queues": lambda: _queues(session),
        "workers": lambda: [worker.name for worker in _workers(session)],
    }
    return found[source]() if source else ()


def _sent(session: Session) -> Sequence[str]:
    with suppress(NbTasksError):  # no server: nothing is to fail while one types
        return session.names()
    return ()


def _queues(session: Session) -> Sequence[str]:
    app = session.app
    found = {app.config.default_queue, *(sent.result.records[0].queue for sent in session.sent)}
    found.update(queue for worker in _workers(session) for queue in worker.queues)
    return sorted(found)


def _entries(session: Session) -> Sequence[str]:
    if session.app.is_connected:
        with suppress(NbTasksError):
            return list(session.app.schedules)
    return ()


def _workers(session: Session) -> Sequence[WorkerFacts]:
    if session.app.is_connected:
        with suppress(NbTasksError):  # no server: nothing is to fail while one types
            return session.app.workers()
    return ()


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)
