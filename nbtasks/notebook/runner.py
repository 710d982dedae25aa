"""What `%%task` and `%task` do: read, check, send or run here, show, and perhaps wait."""

import ast
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from IPython.core.error import UsageError
from IPython.display import display as _untyped_display  # pyright: ignore[reportUnknownVariableType]

from nbtasks.errors import NbTasksError, RemoteError
from nbtasks.interrupts import fate, give_up
from nbtasks.notebook import options as lines
from nbtasks.notebook.finding import find
from nbtasks.notebook.listing import View
from nbtasks.notebook.outgoing import Cell, error_classes, make_cell, rows, run_here, submit
from nbtasks.notebook.sent import Result, Sent
from nbtasks.notebook.session import Session
from nbtasks.notebook.settings import NbTasks, cell_metadata, with_defaults
from nbtasks.notebook.source import read_cell, read_function
from nbtasks.notebook.vocabulary import TASK_OPTIONS, Option
from nbtasks.record import place_of
from nbtasks.result import AsyncResult, GroupResult

LAST: Final = "_task"
DEFINED: Final = {
    "queue": "queue",
    "priority": "priority",
    "expires": "expires",
    "time-limit": "time_limit",
    "soft-time-limit": "soft_time_limit",
    "rate-limit": "rate_limit",
    "concurrency": "concurrency",
    "retries": "max_retries",
    "retry-delay": "default_retry_delay",
    "backoff": "retry_backoff",
    "retry-on": "autoretry_for",
    "ignore-result": "ignore_result",
}
"""The options that a task may be defined with, and what `@app.task` calls them."""

ATTACHED: Final = ("attach", "block", "timeout", "view", "quiet", "log", "no-log")
"""The options of what was sent before."""

_display = cast("Callable[[object], object]", _untyped_display)


class Runner:
    """Runs the cells and expressions of `%%task` and `%task`.

    Args:
        shell: IPython's.
        session: What this kernel holds.
        settings: The defaults of `%config NbTasks`.
    """

    def __init__(self, shell: Any, session: Session, settings: NbTasks) -> None:
        self._shell = shell
        self.session = session
        self.settings = settings

    def run_cell(self, line: str, cell: str) -> Any:
        """Send a cell, run it here, or define a task; the value of a wait for it."""
        __tracebackhide__ = True
        definition = lines.take_definition(line)
        if definition is not None:
            self._define(*definition, cell)
            return None
        line, is_hidden = _without_semicolon(line)
        parsed = self._task_line(line)
        if "attach" in parsed.options:
            raise UsageError("--attach sends nothing: r = %task --attach NAME, in a line")
        name = lines.task_name(parsed.words)
        sent = self._send(cell, name, parsed)
        waits = parsed.options.get("block") or parsed.options.get("local")
        value = self._finish(sent, parsed) if sent is not None and waits else None
        return None if is_hidden else value

    def _line(self, line: str, known: Sequence[Option]) -> lines.Line:
        return lines.parse(line, known, self._shell.user_ns)

    def _task_line(self, line: str) -> lines.Line:
        """The options of a task, over those of its cell's metadata and of `%config NbTasks`."""
        return with_defaults(
            self._line(line, TASK_OPTIONS), self.settings, cell_metadata(self._shell)
        )

    def run_line(self, line: str) -> Any:
        """Send an expression; its result, or its value after a wait."""
        __tracebackhide__ = True
        head, tail = "", line
        if line.lstrip().startswith("-"):
            head, dashes, tail = f" {line} ".partition(" -- ")
            if not dashes and "attach" in self._line(line, TASK_OPTIONS).options:
                return self._attach(line)
            if not dashes:
                raise UsageError(
                    "write options before --, and the expression after it: %task -q gpu -- fit(1)"
                )
        parsed = self._task_line(head)
        if parsed.words or parsed.loop:
            raise UsageError(
                "before -- stand options only; a loop needs a cell: %%task NAME --for x in …"
            )
        expression = tail.strip().rstrip(";")
        if not expression:
            raise UsageError(
                "write what is to run: r = %task fit(0.1), or r = %task -q gpu -- fit(1)"
            )
        try:
            compile(expression, "<expression>", "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError:
            raise UsageError(
                f"{expression!r} is not an expression; use a cell with %%task"
            ) from None
        sent = self._send(expression + "\n", "", parsed)
        if sent is None:
            return None
        return self._finish(sent, parsed) if parsed.options.get("block") else sent.result

    def _attach(self, line: str) -> Any:
        """Show the board of what was sent before; its result, or its value after a wait."""
        __tracebackhide__ = True
        given = self._line(line, TASK_OPTIONS)
        wrong = [f"--{name}" for name in given.options if name not in ATTACHED] + [*given.words]
        if wrong or given.loop:
            what = wrong[0] if wrong else "--for"
            raise UsageError(f"--attach takes up what was sent before: {what} cannot change it")
        name = given.options["attach"]
        found = find(self.session, [name])
        if len(found) > 1:
            names = ", ".join(sent.name for sent in found)
            raise UsageError(f"--attach {name}: take up one of them: {names}")
        (sent,) = found
        parsed = self._task_line(line)
        for record in sent.result.records:
            record.shows_log = not parsed.options.get("no-log")
        self.session.attach(sent, view=_view(parsed))
        self._shell.user_ns[LAST] = sent.result
        return self._finish(sent, parsed) if parsed.options.get("block") else sent.result

    def _send(self, body: str, name: str, parsed: lines.Line) -> Sent | None:
        """Send a cell, or run it here; None where it was only to be shown."""
        __tracebackhide__ = True
        app = self.session.app
        source = read_cell(self._shell, body)
        cell = make_cell(self._shell, app, self.settings, source, name, parsed)
        if parsed.options.get("dry-run"):
            head = f"{cell.title} would be sent"
            _display(View(head, ("what", ""), rows(cell, app)))
            return None
        self._look_before(cell, replaces=parsed.options.get("replace", False))
        if parsed.options.get("local"):
            result: Result = run_here(app, cell)
        else:
            record = submit(app, cell)
            result = GroupResult[Any](app, [record]) if cell.is_many else AsyncResult(app, record)
        self._shell.user_ns[LAST] = result
        if name:
            self._shell.user_ns[name] = result
        if parsed.options.get("local"):
            self.session.remember(sent := Sent(cell.title, result, tags=cell.tags))
            return sent
        return self._show(cell, result, parsed)

    def _show(self, cell: Cell, result: Result, parsed: lines.Line) -> Sent:
        __tracebackhide__ = True
        queue = result.records[0].queue
        usual = queue == self.session.app.config.default_queue
        detail = "" if usual else place_of(queue)
        try:
            return self.session.add(
                cell.title,
                result,
                view=_view(parsed),
                after_ms=self._show_after_ms(),
                inputs=cell.sizes,
                detail=detail,
                key=cell.key,
                tags=cell.tags,
            )
        except KeyboardInterrupt as stop:
            # It was sent, but nobody waits yet who would revoke it.
            raise _interrupted(stop, cell.title, result) from None

    def _show_after_ms(self) -> float:
        after = self.settings.progress_after
        return 1000 * lines.seconds(after, "%config NbTasks.progress_after") if after else 0.0

    def _look_before(self, cell: Cell, *, replaces: bool) -> None:
        """See to what this cell sent before: two of the same may be meant, or a mistake."""
        for sent in self.session.running(cell.key) if not cell.is_cached else ():
            if replaces:
                sent.result.revoke(terminate=True)
            else:
                sys.stderr.write(
                    f"{sent.name!r}, which this cell sent before, still runs and goes on; with"
                    " --replace it is revoked\n"
                )

    def _define(self, head: str, rest: str, body: str) -> None:
        __tracebackhide__ = True
        parsed = self._task_line(rest)
        name = head.partition("def")[2].partition("(")[0].strip()
        if parsed.words:
            raise UsageError(f"behind {head!r} stand options only, and not {parsed.words[0]!r}")
        for option in self._line(rest, TASK_OPTIONS).options:
            if option not in DEFINED:
                raise UsageError(
                    f"--{option} is for a run: {name}.delay() sends this task, {name}.s() puts it"
                    " into a canvas"
                )
        function = read_function(self._shell, head, body)
        options = {
            new: parsed.options[old] for old, new in DEFINED.items() if old in parsed.options
        }
        if "autoretry_for" in options:
            options["autoretry_for"] = error_classes(options["autoretry_for"], self._shell.user_ns)
        self._shell.user_ns[name] = self.session.app.task(function, name=name, **options)

    def _finish(self, sent: Sent, parsed: lines.Line) -> Any:
        """Wait for what was sent, and give its value; its outputs become variables."""
        __tracebackhide__ = True
        try:
            value = sent.result.get(parsed.options.get("timeout"))
        except RemoteError as error:
            raise self._as_if_here(error) from None
        except NbTasksError:
            raise
        except KeyboardInterrupt as stop:
            raise _interrupted(stop, sent.name, sent.result) from None
        except Exception as error:  # noqa: BLE001 - whatever the user's code raised
            raise self._as_if_here(error) from None
        if parsed.options.get("outputs") and isinstance(sent.result, AsyncResult):
            self._shell.user_ns.update(vars(sent.result.outputs))
        return value

    def _as_if_here(self, error: Exception) -> Any:
        """The same error, shown with the cell's own frames only, as if the cell had run here."""
        remote = error.__traceback__
        while remote is not None and remote.tb_frame.f_globals.get("__name__"):
            remote = remote.tb_next
        stack: list[str] = self._shell.InteractiveTB.structured_traceback(
            type(error), error, remote, tb_offset=0
        )
        return _shown_as(error, stack)


def _without_semicolon(line: str) -> tuple[str, bool]:
    """A line without the `;` at its end, which hides the value as it does behind an expression."""
    stripped = line.rstrip()
    return stripped.removesuffix(";"), stripped.endswith(";")


def _view(parsed: lines.Line) -> str:
    return "none" if parsed.options.get("quiet") else parsed.options.get("view", "auto")


def _interrupted(stop: KeyboardInterrupt, name: str, result: Result) -> Any:
    if not fate(stop):
        give_up(stop, result.give_up)
    return _shown_as(stop, [f"KeyboardInterrupt: {name!r} {fate(stop)}"])


def _shown_as(error: Any, lines_shown: list[str]) -> Any:
    error._render_traceback_ = lambda: lines_shown  # IPython's own hook
    return error
