"""`%tasks WORD …`: what is done to tasks by their names or ids."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, cast

from IPython.core.error import UsageError
from IPython.display import display as _untyped_display  # pyright: ignore[reportUnknownVariableType]

from nbtasks.errors import NotRunning
from nbtasks.notebook.finding import find
from nbtasks.notebook.frontend import resolve_view
from nbtasks.notebook.listing import count_of
from nbtasks.notebook.sent import Sent
from nbtasks.notebook.session import Session
from nbtasks.notebook.vocabulary import TASKS_COMMANDS
from nbtasks.notebook.words import tell
from nbtasks.result import AsyncResult
from nbtasks.result.base import ResultBase
from nbtasks.spelling import nearest

LOGS: Final = 20
"""Tasks of a group whose logs or stacks are shown."""

_display = cast("Callable[[object], object]", _untyped_display)


class Commands:
    """Does to tasks what the first word says, and tells in a line what became of it.

    Args:
        session: What this kernel has sent.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def run(self, words: Sequence[str], timeout: float | None) -> None:
        """Do it to each of the tasks that are named; without a name to the last one.

        Raises:
            UsageError: There is no such word, or no such task; with the nearest one.
        """
        word, *names = words
        if word not in TASKS_COMMANDS:
            near = nearest(word, list(TASKS_COMMANDS))
            raise UsageError(f"%tasks {word}: there is no such command{near}")
        for sent in find(self._session, names or ["@last"]):
            self._do(word, sent, timeout)

    def _do(self, word: str, sent: Sent, timeout: float | None) -> None:
        result = sent.result
        match word:
            case "show":
                self._session.show(sent)
            case "table":
                self._session.show_table(sent)
            case "graph":
                drawn = result.canvas
                if resolve_view("auto") == "board" and len(drawn.steps) > 1:
                    self._session.show(sent)
                else:
                    _display(drawn.visualize())
            case "log":
                tell(_log(sent))
            case "wait":
                result.get(timeout, propagate=False)
                tell(f"{sent.name}: {_states(sent)}")
            case "cancel":
                count = int(result.revoke(terminate=True))
                tell(f"{sent.name}: {count_of(count, 'task')} revoked")
            case "stack":
                tell(_stacks(sent))
            case "retry":
                tell(f"{sent.name}: {count_of(self._retry(sent), 'task')} queued again")
            case _:
                tell(self._forget(sent))

    def _retry(self, sent: Sent) -> int:
        if isinstance(sent.result, AsyncResult):
            return int(sent.result.requeue())
        source, count = self._session.app, 0
        for record in sent.result.records:
            failed = [index for index in range(record.n) if record.has_failed(index)]
            count += source.run_all_again(record, failed)
        return count

    def _forget(self, sent: Sent) -> str:
        if not sent.result.forget():
            return f"{sent.name} has not ended: %tasks cancel {sent.name}"
        self._session.sent[:] = [each for each in self._session.sent if each is not sent]
        return f"{sent.name} is forgotten"


def _states(sent: Sent) -> str:
    counts: dict[str, int] = {}
    for record in sent.result.records:
        for state, count in record.counts().items():
            counts[state] = counts.get(state, 0) + count
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _log(sent: Sent) -> str:
    result = sent.result
    if isinstance(result, AsyncResult):
        return result.log.rstrip("\n") or f"{sent.name} has written nothing"
    shown = [f"[{at}] {log}" for at in range(min(len(result), LOGS)) if (log := result[at].log)]
    if len(result) > LOGS:
        shown.append(f"… and {len(result) - LOGS:,} more tasks: {sent.name}[{LOGS}].log")
    return "".join(shown).rstrip("\n") or f"{sent.name} has written nothing"


def _stacks(sent: Sent) -> str:
    """Where a task is, or those of a group that run."""
    result = sent.result
    if isinstance(result, AsyncResult):
        return _stack(result) or f"{sent.name} does not run now: {_states(sent)}"
    running = [at for at in range(len(result)) if not result[at].ready()]
    shown = [f"[{at}] {stack}" for at in running[:LOGS] if (stack := _stack(result[at]))]
    if len(running) > LOGS:
        shown.append(f"… and {len(running) - LOGS:,} more tasks: {sent.name}[{LOGS}].stack()")
    return "\n".join(shown) or f"none of {sent.name} runs now: {_states(sent)}"


def _stack(result: ResultBase) -> str:
    """The stack of a task; nothing where there is none."""
    if isinstance(result, AsyncResult):
        with suppress(NotRunning):
            return result.stack().rstrip("\n")
    return ""
