"""The magics: `%broker`, `%%task`, `%task`, `%tasks`. They read a line and word what comes back."""

import ast
import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
    output_can_be_silenced,
)
from IPython.display import display as _untyped_display  # pyright: ignore[reportUnknownVariableType]

from nbtasks.app import App
from nbtasks.config import nearest
from nbtasks.errors import NbTasksError, RemoteError, TooBig
from nbtasks.functions import Code, cell_code
from nbtasks.live import LiveRecord
from nbtasks.notebook import cell as cells
from nbtasks.notebook import options as lines
from nbtasks.notebook.listing import broker_card, task_table
from nbtasks.notebook.session import Result, Sent, Session
from nbtasks.options import TaskOptions
from nbtasks.plan import Call
from nbtasks.presence import NoWorkerWarning
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.sending import Submission
from nbtasks.states import TaskState

LAST: Final = "_task"
SHOWN: Final = 20
MAX_LABEL: Final = 60

_display = cast("Callable[[object], object]", _untyped_display)
_SENT_OPTIONS = (
    "queue",
    "retries",
    "retry-delay",
    "time-limit",
    "soft-time-limit",
    "priority",
    "countdown",
    "expires",
)


def _said_in_one_line(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Our own errors as one line without a traceback: they are about what was typed, not about us.

    A `RemoteError` is none of ours: it stands for the user's exception.
    """

    @functools.wraps(magic)
    def run(self: "NbTasksMagics", line: str, cell: str | None = None) -> Any:
        __tracebackhide__ = True
        try:
            return magic(self, line) if cell is None else magic(self, line, cell)
        except (cells.CellSyntaxError, RemoteError):
            raise
        except NbTasksError as error:
            raise UsageError(str(error)) from None

    return run


@magics_class
class NbTasksMagics(Magics):
    """What `%load_ext nbtasks` adds."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        # IPython says that its shell may be None, and types little of what it has.
        self._shell: Any = shell
        self.session = Session()

    @no_var_expand
    @line_magic
    @_said_in_one_line
    def broker(self, line: str) -> None:
        """Connect to a Redis, or show what this notebook is connected to.

        %broker                  the embedded server, with one worker for each core
        %broker --start 2        the same with 2 workers
        %broker redis://host     a Redis of your own; workers run elsewhere: nbtasks worker URL
        %broker --close          close the connection
        """
        parsed = lines.parse(line, lines.BROKER_OPTIONS)
        if parsed.options.get("close"):
            self.session.close()
            return
        if len(parsed.words) > 1:
            raise UsageError(f"one URL is enough, and there are {len(parsed.words)}")
        queues = tuple(q.strip() for q in parsed.options.get("queue", "").split(",") if q.strip())
        app = self.session.app
        url = parsed.words[0] if parsed.words else ""
        if url or not app.is_connected:
            app = self.session.connect(url)
        count = parsed.options.get("start")
        if count is None and app.connection.server is not None and not app.workers():
            count = os.cpu_count() or 1
        if count:
            self.session.start_workers(count, queues or (app.config.default_queue,))
        _display(broker_card(app))

    @output_can_be_silenced
    @no_var_expand
    @line_cell_magic
    @_said_in_one_line
    def task(self, line: str, cell: str | None = None) -> Any:
        """Run the cell on a worker, or with one percent sign an expression.

        %%task NAME              NAME becomes its AsyncResult; the kernel stays free
        %%task NAME -b           wait for it, and show its value
        %%task NAME --for c in [0.01, 0.1, 1]      one task for each item; NAME is a GroupResult
        NAME = %task fit(0.1)    one expression; with options: %task -q gpu -- fit(0.1)
        """
        __tracebackhide__ = True
        if cell is None:
            return self._send_expression(line)
        parsed = lines.parse(line, lines.TASK_OPTIONS)
        name = lines.task_name(parsed.words)
        sent = self._send(cell, name, parsed)
        return self._finish(sent, parsed) if parsed.options.get("block") else None

    @no_var_expand
    @line_magic
    @_said_in_one_line
    def tasks(self, line: str) -> None:
        """Show the tasks of this notebook, the newest first.

        %tasks                   the last 20
        %tasks -s FAILURE        only those in a state
        %tasks --all             all of them
        """
        parsed = lines.parse(line, lines.TASKS_OPTIONS)
        if parsed.words:
            raise UsageError(f"%tasks takes options only, and got {' '.join(parsed.words)!r}")
        limit = parsed.options.get("lines", SHOWN)
        if parsed.options.get("all"):
            limit = len(self.session.sent)
        state = parsed.options.get("state", "").upper()
        if state and state not in TaskState.__members__:
            raise UsageError(
                f"there is no state {state!r}{nearest(state, list(TaskState.__members__))}"
            )
        _display(task_table(self.session.sent, limit=limit, state=state))

    # Sending

    def _send_expression(self, line: str) -> Any:
        __tracebackhide__ = True
        head, tail = "", line
        if line.lstrip().startswith("-"):
            head, dashes, tail = f" {line} ".partition(" -- ")
            if not dashes:
                raise UsageError(
                    "write options before --, and the expression after it: %task -q gpu -- fit(1)"
                )
        parsed = lines.parse(head, lines.TASK_OPTIONS)
        if parsed.words or parsed.loop:
            raise UsageError(
                "before -- stand options only; a loop needs a cell: %%task NAME --for x in …"
            )
        expression = tail.strip().rstrip(";")
        try:
            compile(expression, "<expression>", "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError:
            raise UsageError(
                f"{expression!r} is not an expression; use a cell with %%task"
            ) from None
        sent = self._send(expression + "\n", "", parsed)
        return self._finish(sent, parsed) if parsed.options.get("block") else sent.result

    def _send(self, body: str, name: str, parsed: lines.Line) -> Sent:
        __tracebackhide__ = True
        app = self.session.app
        number = _cell_number(self._shell)
        title = name or f"cell-{number}"
        source, filename, reads = self._read(body, number)
        loop, calls = self._calls(parsed)
        inputs = cells.pick_inputs(
            [read for read in reads if read not in loop],
            self._shell.user_ns,
            parsed.options.get("inputs"),
        )
        sizes = cells.input_sizes(inputs, app.codec)
        limit = app.config.max_input
        if sizes and sizes[0][1] > limit:
            culprit, size = sizes[0]
            raise TooBig(f"{culprit!r}, which this cell reads,", size, limit, "max_input")
        outputs = parsed.options.get("outputs", ())
        code = cell_code(
            source, name=title, filename=filename, inputs=inputs, outputs=outputs, codec=app.codec
        )
        record = self._submit(app, code, title, calls, parsed)
        result: Result = AsyncResult[Any](app, record)
        if loop:
            record.labels = [_label(values) for _, values in calls]
            result = GroupResult[Any](app, [record])
        self._shell.user_ns[LAST] = result
        if name:
            self._shell.user_ns[name] = result
        view = "none" if parsed.options.get("quiet") else parsed.options.get("view", "auto")
        detail = f"queue {record.queue}" if record.queue != app.config.default_queue else ""
        try:
            return self.session.add(title, result, view=view, inputs=sizes, detail=detail)
        except KeyboardInterrupt as stop:
            # It was sent, but nobody waits yet who would revoke it.
            result.revoke(terminate=True)
            raise _interrupted(stop, title) from None

    def _read(self, body: str, number: int) -> tuple[str, str, list[str]]:
        """The source that travels, what tracebacks call it, and the names that it reads."""
        source = cells.to_source(body, self._shell.transform_cell)
        filename = self._shell.compile.cache(source, number)
        try:
            return source, filename, cells.reads(cells.prepare(body, source, filename))
        except SyntaxError as error:
            shown = self._shell.SyntaxTB.structured_traceback(SyntaxError, error, [])
            raise cells.CellSyntaxError(f"{error.msg} (line {error.lineno})", shown) from None

    def _calls(self, parsed: lines.Line) -> tuple[list[str], list[Call]]:
        """The variables of `--for`, and the arguments of each task; one task without it."""
        __tracebackhide__ = True
        if parsed.loop is None:
            return [], [((), {})]
        target, expression = parsed.loop
        names = lines.loop_names(target)
        shell = self._shell
        items: list[Any] = list(eval(expression, shell.user_global_ns, shell.user_ns))  # noqa: S307 - the user's own line
        if not items:
            raise UsageError(f"--for {target} in {expression}: there is nothing in it")
        calls: list[Call] = []
        for item in items:
            values: tuple[Any, ...] = (item,)
            if len(names) > 1:
                try:
                    values = tuple(item)
                except TypeError:
                    raise UsageError(f"--for {target}: {item!r} cannot be taken apart") from None
            if len(values) != len(names):
                raise UsageError(
                    f"--for {target}: {item!r} has {len(values)} parts, not {len(names)}"
                )
            calls.append(((), dict(zip(names, values, strict=True))))
        return names, calls

    def _submit(
        self, app: App, code: Code, title: str, calls: list[Call], parsed: lines.Line
    ) -> LiveRecord:
        options = {
            key.replace("-", "_"): parsed.options[key]
            for key in _SENT_OPTIONS
            if key in parsed.options
        }
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NoWorkerWarning)
            record = app.submit(
                Submission(code=code, name=title, calls=calls, base=TaskOptions(), call=options)
            )
        for warning in caught:
            # Without our file and line, which mean nothing to the reader of the notebook.
            sys.stderr.write(f"{warning.category.__name__}: {warning.message}\n")
        return record

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
            raise _interrupted(stop, sent.name) from None
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


def load(shell: InteractiveShell) -> None:
    """Add the magics to a shell."""
    shell.register_magics(NbTasksMagics)


def unload(shell: InteractiveShell) -> None:
    """Take the magics away, and close the connection."""
    manager: Any = shell.magics_manager
    magics = manager.registry.pop(NbTasksMagics.__name__, None)
    if isinstance(magics, NbTasksMagics):
        magics.session.close()
    for kind, names in (("line", ("broker", "task", "tasks")), ("cell", ("task",))):
        for name in names:
            manager.magics[kind].pop(name, None)


def _cell_number(shell: Any) -> int:
    """The number of the cell that runs: IPython versions differ in when they count it."""
    names: dict[str, int] = getattr(shell.compile, "_filename_map", {})
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename in names:
            return names[frame.f_code.co_filename]
        frame = frame.f_back
    return int(shell.execution_count)


def _interrupted(stop: KeyboardInterrupt, name: str) -> Any:
    return _shown_as(stop, [f"KeyboardInterrupt: {name!r} was revoked"])


def _shown_as(error: Any, lines_shown: list[str]) -> Any:
    error._render_traceback_ = lambda: lines_shown  # IPython's own hook
    return error


def _label(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
