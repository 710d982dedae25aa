"""The magics: `%broker`, `%workers`, `%%task`, `%tasks`. They read a line and word what comes."""

import atexit
import functools
import inspect
import os
from collections.abc import Callable
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
from nbtasks.errors import NbTasksError, RemoteError
from nbtasks.notebook import options as lines
from nbtasks.notebook.bundle import Bundle
from nbtasks.notebook.cell import CellSyntaxError
from nbtasks.notebook.commands import Commands
from nbtasks.notebook.completing import matcher
from nbtasks.notebook.frontend import check_environment, is_stable, resolve_view
from nbtasks.notebook.listing import broker_card
from nbtasks.notebook.monitor import Monitor
from nbtasks.notebook.overview import Overview
from nbtasks.notebook.runner import Runner
from nbtasks.notebook.schedule_rows import read_facts, rule_table, schedule_table
from nbtasks.notebook.schedules import ScheduleCommands
from nbtasks.notebook.sent import Result
from nbtasks.notebook.session import Session
from nbtasks.notebook.settings import NbTasks
from nbtasks.notebook.timetable import Timetable
from nbtasks.notebook.vocabulary import (
    BROKER_OPTIONS,
    SCHEDULE_COMMANDS,
    SCHEDULE_OPTIONS,
    TASK_OPTIONS,
    TASKS_COMMANDS,
    TASKS_OPTIONS,
    WORKERS_COMMANDS,
    WORKERS_OPTIONS,
    commands_text,
    options_text,
)
from nbtasks.notebook.words import tell
from nbtasks.notebook.workers import WorkerCommands
from nbtasks.result.base import ResultBase
from nbtasks.schedule import Schedule
from nbtasks.scheduled import ScheduleEntry
from nbtasks.scheduling import Schedules

_display = cast("Callable[[object], object]", _untyped_display)


_PICTURES: Final = ("board", "html")
_HELP: Final = ("--help", "-h", "-?", "?")


def _said_in_one_line(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Our own errors as one line without a traceback: they are about what was typed, not about us.

    A `RemoteError` is none of ours: it stands for the user's exception.
    """

    @functools.wraps(magic)
    def run(self: "NbTasksMagics", line: str, cell: str | None = None) -> Any:
        __tracebackhide__ = True
        if line.strip() in _HELP:
            tell(inspect.getdoc(run) or "")
            return None
        try:
            return magic(self, line) if cell is None else magic(self, line, cell)
        except (CellSyntaxError, RemoteError):
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
        self.settings = NbTasks(parent=shell)
        self._runner = Runner(shell, self.session, self.settings)
        self._commands = Commands(self.session)
        self._overview = Overview(self.session)
        self._workers = WorkerCommands(shell, self.session)
        self._schedules = ScheduleCommands(shell, self.session, self.settings)
        self.matcher = matcher(shell, self.session)

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
        parsed = lines.parse(line, BROKER_OPTIONS, self._shell.user_ns)
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
            self.session.fill_up(count, queues or app.config.usual_queues)
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
        return self._runner.run_line(line) if cell is None else self._runner.run_cell(line, cell)

    @no_var_expand
    @line_magic
    @_said_in_one_line
    def workers(self, line: str) -> None:
        """Show who works for this notebook, and at what.

        %workers                 a table of all workers
        %workers start 2 -q gpu  two more local ones, for the queue gpu
        %workers stop local-2    let one finish what runs, and end
        %workers sync helpers.py send a module of yours along with every task
        %workers check           do they have what this notebook has imported?
        %workers log local-1     the last lines that one has written
        """
        parsed = lines.parse(line, WORKERS_OPTIONS, self._shell.user_ns)
        view = self._workers.run(parsed.words, parsed.options)
        if view is not None:
            _display(view)

    @no_var_expand
    @line_cell_magic
    @_said_in_one_line
    def schedule(self, line: str, cell: str | None = None) -> None:
        """Run the cell again and again, or with one percent sign a signature.

        %%schedule nightly --cron "0 7 * * mon-fri" --tz Europe/Paris
        %schedule sync fetch.s("a") --every 10m    a signature of a task, or a canvas
        %schedule                what is scheduled
        %schedule next 5         the next 5 times
        %schedule history sync   its last runs, with their values
        %schedule edit sync --every 20m            run it at other times
        %schedule pause sync     and resume, run, rm
        """
        __tracebackhide__ = True
        commands = self._schedules
        view = commands.run(line) if cell is None else commands.run_cell(line, cell)
        if view is not None:
            _display(view)

    @no_var_expand
    @line_magic
    @_said_in_one_line
    def tasks(self, line: str) -> None:
        """Show the tasks of this notebook, the newest first; also of before a restart.

        %tasks                   the last 20, live
        %tasks -s FAILURE        only those in a state
        %tasks --all             everybody's, whoever has sent them; in a browser, the monitor
        %tasks log fit           what fit wrote; without a name, the last task
        %tasks retry @failed     run all that have failed again
        """
        parsed = lines.parse(line, TASKS_OPTIONS, self._shell.user_ns)
        if parsed.words:
            self._commands.run(parsed.words, parsed.options.get("timeout"))
            return
        if {*parsed.options} == {"all"} and resolve_view("auto") == "board":
            self._workers.show_monitor()
            return
        self._overview.show(parsed.options)

    def show_result(self, result: ResultBase) -> None:
        """A result that ends a cell: its board, and of a canvas its graph."""
        is_stored = result.source is not None and bool(result.records)
        if is_stored and resolve_view("auto") in _PICTURES:
            self.session.show_result(cast("Result", result))
        else:
            _display(Bundle({"text/plain": repr(result)}))

    def show_entry(self, entry: ScheduleEntry) -> None:
        """An entry of the schedule that ends a cell."""
        self.show_schedule(cast("App", entry.app).schedules, entry.name)

    def show_schedule(self, schedules: Schedules, only: str = "") -> None:
        """A schedule that ends a cell; `only`: nothing but the entry of this name."""
        if resolve_view("auto") == "board":
            self.session.show_alone(Timetable(schedules, self.session.feed(), only))
        else:
            _display(schedule_table(read_facts(schedules, only)))

    def show_rule(self, rule: Schedule) -> None:
        """A rule that ends a cell: what it comes to, where outputs may differ from run to run."""
        formats = {"text/plain": repr(rule)}
        if not is_stable():
            formats["text/html"] = rule_table(rule, self.session.app.clock.wall_ms()).html()
        _display(Bundle(formats))

    def show_app(self, app: App) -> None:
        """An app that ends a cell: all there is to see of it, once it is connected."""
        if app.is_connected and resolve_view("auto") in _PICTURES:
            self.session.show_alone(Monitor(app, self.session.feed()))
        else:
            _display(Bundle({"text/plain": repr(app)}))


def load(shell: InteractiveShell) -> None:
    """Add the magics to a shell.

    Raises:
        ConfigError: The environment asks for a display that there is not.
    """
    check_environment()
    shell.register_magics(NbTasksMagics)
    configurables: list[Any] = shell.configurables  # typed too narrowly
    configurables.append(_magics(shell).settings)
    completer: Any = shell.Completer
    completer.custom_matchers.append(_magics(shell).matcher)
    shell.events.register("post_execute", _magics(shell).session.end_cell)
    atexit.register(_magics(shell).session.freeze)
    _own_formatter(shell).for_type(App, _magics(shell).show_app)
    _own_formatter(shell).for_type(ResultBase, _magics(shell).show_result)
    _own_formatter(shell).for_type(Schedules, _magics(shell).show_schedule)
    _own_formatter(shell).for_type(ScheduleEntry, _magics(shell).show_entry)
    _own_formatter(shell).for_type(Schedule, _magics(shell).show_rule)


def unload(shell: InteractiveShell) -> None:
    """Take the magics away, and close the connection."""
    magics = _magics(shell)
    for shown in (App, ResultBase, Schedules, ScheduleEntry, Schedule):
        _own_formatter(shell).pop(shown, None)
    magics.session.close()
    shell.events.unregister("post_execute", magics.session.end_cell)
    atexit.unregister(magics.session.freeze)
    configurables: list[Any] = shell.configurables
    configurables.remove(magics.settings)
    completer: Any = shell.Completer
    completer.custom_matchers.remove(magics.matcher)
    manager: Any = shell.magics_manager
    del manager.registry[NbTasksMagics.__name__]
    for kind, names in magics.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)


def _own_formatter(shell: InteractiveShell) -> Any:
    found: Any = shell.display_formatter
    return found.ipython_display_formatter


def _magics(shell: InteractiveShell) -> NbTasksMagics:
    manager: Any = shell.magics_manager
    found: NbTasksMagics = manager.registry[NbTasksMagics.__name__]
    return found


def _add_words(magic: Callable[..., Any], *words: str) -> None:
    """Let the help of a magic end with its options, which are worded once."""
    magic.__doc__ = "\n\n".join((inspect.cleandoc(magic.__doc__ or ""), *words))


_add_words(NbTasksMagics.broker, options_text(BROKER_OPTIONS))
_add_words(NbTasksMagics.task, options_text(TASK_OPTIONS))
_add_words(NbTasksMagics.tasks, commands_text(TASKS_COMMANDS), options_text(TASKS_OPTIONS))
_add_words(NbTasksMagics.schedule, commands_text(SCHEDULE_COMMANDS), options_text(SCHEDULE_OPTIONS))
_add_words(NbTasksMagics.workers, commands_text(WORKERS_COMMANDS), options_text(WORKERS_OPTIONS))
