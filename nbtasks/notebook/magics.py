"""The magics: `%broker`, `%%task`, `%task`, `%tasks`. They read a line and word what comes back."""

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display

from nbtasks.errors import NbTasksError, TooBig
from nbtasks.functions import cell_code
from nbtasks.notebook import cell as cells
from nbtasks.notebook import options as lines
from nbtasks.notebook.listing import broker_card, task_table
from nbtasks.notebook.session import Sent, Session
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.states import TaskState
from nbtasks.task import TaskOptions

LAST: Final = "_task"
EXPRESSION_NAME: Final = "expression"
SHOWN: Final = 20
MAX_LABEL: Final = 60

_SENT_OPTIONS = ("queue", "retries", "retry-delay", "time-limit", "priority", "countdown", "expires")


def _said_in_one_line(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Our own errors as one line without a traceback: they are about what was typed, not about us."""

    @functools.wraps(magic)
    def run(self: "NbTasksMagics", line: str, cell: str | None = None) -> Any:
        try:
            return magic(self, line) if cell is None else magic(self, line, cell)
        except cells.CellSyntaxError:
            raise
        except NbTasksError as error:
            raise UsageError(str(error)) from None

    return run


@magics_class
class NbTasksMagics(Magics):
    """What `%load_ext nbtasks` adds."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
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
        display(broker_card(app))

    @no_var_expand
    @line_cell_magic
    @_said_in_one_line
    def task(self, line: str, cell: str | None = None) -> Any:
        """Run the cell on a worker, or with one percent sign an expression.

        %%task NAME              NAME becomes its AsyncResult; the kernel stays free
        %%task NAME -b           wait for it, and show its value
        %%task NAME --for c in [0.01, 0.1, 1]      one task for each item; NAME is a GroupResult
        NAME = %task fit(0.1)    one expression
        """
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
        limit = len(self.session.sent) if parsed.options.get("all") else parsed.options.get("lines", SHOWN)
        state = parsed.options.get("state", "").upper()
        if state and state not in TaskState.__members__:
            raise UsageError(f"there is no state {state!r}: there are {', '.join(TaskState)}")
        display(task_table(self.session.sent, limit=limit, state=state))

    # Sending

    def _send_expression(self, line: str) -> AsyncResult[Any]:
        head, dashes, tail = line.partition(" -- ") if " -- " in line else ("", "", line)
        if line.startswith("-- "):
            head, dashes, tail = "", "--", line[3:]
        if not dashes and line.lstrip().startswith("-") and " -- " not in line:
            raise UsageError("write options before --, and the expression after it: %task -q gpu -- fit(1)")
        parsed = lines.parse(head, lines.TASK_OPTIONS)
        if parsed.words or parsed.loop:
            raise UsageError("before -- stand options only; a loop needs a cell: %%task NAME --for x in …")
        try:
            compile(tail.strip(), "<expression>", "eval")
        except SyntaxError:
            raise UsageError(f"{tail.strip()!r} is not an expression; use a cell with %%task") from None
        sent = self._send(tail.strip() + "\n", "", parsed)
        if parsed.options.get("block"):
            self._finish(sent, parsed)
        result: AsyncResult[Any] = sent.result[0] if isinstance(sent.result, GroupResult) else sent.result
        return result

    def _send(self, body: str, name: str, parsed: lines.Line) -> Sent:
        shell = self.shell
        app = self.session.app
        number = _cell_number(shell)
        title = name or f"cell-{number}"
        source = cells.to_source(body, shell.transform_cell)
        filename = shell.compile.cache(source, number)
        try:
            compiled = cells.prepare(body, source, filename)
        except SyntaxError as error:
            shown = shell.SyntaxTB.structured_traceback(SyntaxError, error, [])
            raise cells.CellSyntaxError(f"{error.msg} (line {error.lineno})", shown) from None
        loop, items = self._loop(parsed)
        names = [read for read in cells.reads(compiled) if read not in loop]
        inputs = cells.pick_inputs(names, shell.user_ns, parsed.options.get("inputs"))
        sizes = cells.input_sizes(inputs)
        if sizes and sizes[0][1] > app.config.max_input:
            raise TooBig(f"{sizes[0][0]!r}, which this cell reads,", *sizes[0][1:], app.config.max_input, "max_input")
        code = cell_code(
            source,
            name=title,
            filename=filename,
            inputs=inputs,
            outputs=parsed.options.get("outputs", ()),
        )
        call = {key.replace("-", "_"): parsed.options[key] for key in _SENT_OPTIONS if key in parsed.options}
        calls = [((), dict(zip(loop, values, strict=True))) for values in items]
        record = app.send_code(code, title, calls, base=TaskOptions(), call=call)
        if loop:
            record.labels = [_label(call[1]) for call in calls]
        result = GroupResult(app, [record]) if loop else AsyncResult(app, record)
        self._assign(name, result)
        view = "none" if parsed.options.get("quiet") else parsed.options.get("view", "auto")
        detail = f"queue {record.queue}" if record.queue != app.config.default_queue else ""
        return self.session.add(title, result, view=view, inputs=sizes, detail=detail)

    def _loop(self, parsed: lines.Line) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The variables of `--for` and the values of each task; one task without it."""
        if parsed.loop is None:
            return [], [()]
        target, expression = parsed.loop
        names = lines.loop_names(target)
        items = list(eval(expression, self.shell.user_global_ns, self.shell.user_ns))  # noqa: S307 - the user's own line
        if not items:
            raise UsageError(f"--for {target} in {expression}: there is nothing in it")
        values = [tuple(item) if len(names) > 1 else (item,) for item in items]
        for value in values:
            if len(value) != len(names):
                raise UsageError(f"--for {target}: {value!r} has {len(value)} parts, not {len(names)}")
        return names, values

    def _assign(self, name: str, result: Any) -> None:
        self.shell.user_ns[LAST] = result
        if name:
            self.shell.user_ns[name] = result

    def _finish(self, sent: Sent, parsed: lines.Line) -> Any:
        """Wait for what was sent, and give its value; its outputs become variables."""
        __tracebackhide__ = True
        timeout = parsed.options.get("timeout")
        try:
            value = sent.result.get(timeout)
        except (NbTasksError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise self._as_if_here(error) from None
        outputs = parsed.options.get("outputs", ())
        if outputs and isinstance(sent.result, AsyncResult):
            self.shell.user_ns.update(vars(sent.result.outputs))
        return value

    def _as_if_here(self, error: Exception) -> Exception:
        """The same error, shown with the cell's own frames only, as if the cell had run here."""
        remote = error.__traceback__
        while remote is not None and remote.tb_frame.f_globals.get("__name__"):
            remote = remote.tb_next
        stack = self.shell.InteractiveTB.structured_traceback(type(error), error, remote, tb_offset=0)
        return _shown_as(error, stack)


def load(shell: InteractiveShell) -> None:
    """Add the magics to a shell."""
    shell.register_magics(NbTasksMagics)


def unload(shell: InteractiveShell) -> None:
    """Take the magics away, and close the connection."""
    magics = shell.magics_manager.registry.pop(NbTasksMagics.__name__, None)
    if isinstance(magics, NbTasksMagics):
        magics.session.close()
    for kind, names in (("line", ("broker", "task", "tasks")), ("cell", ("task",))):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)


def _cell_number(shell: InteractiveShell) -> int:
    """The number of the cell that runs: IPython versions differ in when they count it."""
    names: dict[str, int] = getattr(shell.compile, "_filename_map", {})
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename in names:
            return names[frame.f_code.co_filename]
        frame = frame.f_back
    return int(shell.execution_count)


def _shown_as(error: Any, stack: Sequence[str]) -> Any:
    """Give an error the traceback that IPython is to show."""
    error._render_traceback_ = lambda: list(stack)  # noqa: SLF001 - IPython's own hook
    return error


def _label(values: dict[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
