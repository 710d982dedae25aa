"""The command `nbtasks worker`."""

import logging
import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nbtasks import embedded
from nbtasks.app import App
from nbtasks.cli.place import broker_option, import_from_here, inherited, program_option
from nbtasks.cli.plain import plain_errors
from nbtasks.cli.service import choose_queues, service_name
from nbtasks.config import Config, from_environment, hide_secrets
from nbtasks.connection import resolve, tell_insecure
from nbtasks.errors import ConfigError, NbTasksError
from nbtasks.options import MAX_SECONDS
from nbtasks.signals import celeryd_init, import_modules
from nbtasks.store.link import Link
from nbtasks.worker.kinds import (
    DEFAULT_ASYNC,
    DEFAULT_START,
    POOLS,
    PREFORK,
    SOLO,
    START_METHODS,
    PoolOptions,
)

if TYPE_CHECKING:
    from nbtasks.worker.options import WorkerOptions

logger = logging.getLogger(__name__)

LEVELS: Final = ("debug", "info", "warning", "error")
MOST_CHILDREN: Final = 1024
SECONDS: Final = click.FloatRange(min=0, min_open=True, max=MAX_SECONDS)


_BOUNDS = re.compile(r"(\d{1,4}),(\d{1,4})")


@click.command()
@click.argument("url", default="", callback=inherited)
@broker_option()
@click.option(
    "-Q",
    "--queues",
    default="",
    help="Queues to take from, with commas; default: task_queues, else default.",
)
@click.option("-X", "--exclude-queues", default="", help="Queues of these not to take from.")
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(1, MOST_CHILDREN),
    default=None,
    help="Tasks at a time, each in a process of its own; default: one per core.",
)
@click.option(
    "-P",
    "--pool",
    type=click.Choice(POOLS),
    default=PREFORK,
    show_default=True,
    help="Where tasks run: a process each, threads of one process, or the worker itself.",
)
@click.option(
    "--start-method",
    type=click.Choice(START_METHODS),
    default=DEFAULT_START,
    show_default=True,
    help="How processes are started.",
)
@click.option(
    "--async-concurrency",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_ASYNC,
    show_default=True,
    help="`async def` tasks at a time, in each process.",
)
@click.option(
    "--max-tasks-per-child",
    type=click.IntRange(0),
    default=None,
    help="Replace a process after so many tasks; default: never.",
)
@click.option(
    "--max-memory-per-child",
    default="",
    help="Replace a process that holds more after a task, such as 500MB; default: never.",
)
@click.option(
    "-n",
    "--name",
    "--hostname",
    "name",
    default="",
    help="The worker's name, as w1@%h: %h is the host, %n without its domain; default: a new one.",
)
@click.option(
    "-E",
    "--task-events",
    is_flag=True,
    expose_value=False,
    help="As of Celery: what becomes of tasks is told in any case, while somebody listens.",
)
@click.option("-l", "--loglevel", type=click.Choice(LEVELS, case_sensitive=False), default="info")
@click.option(
    "-f",
    "--logfile",
    default="",
    help="Log to this file; %h is the worker's name, %n what is before its @.",
)
@click.option("--log-json", is_flag=True, help="Log a JSON object a line.")
@click.option(
    "-a",
    "--app",
    default="",
    help="The app whose tasks it runs; default: the program's, or main.",
    callback=inherited,
)
@program_option("Have the tasks of this program, for those sent by name, and its settings.")
@click.option(
    "--local", is_flag=True, help="Belong to the embedded server; end when nobody uses it."
)
@click.option(
    "--until-stdin-closes",
    is_flag=True,
    help="End, as after SIGTERM, when its standard input closes: with who started it.",
)
@click.option(
    "--time-limit", type=SECONDS, help="Kill tasks that run longer and have no limit of their own."
)
@click.option(
    "--soft-time-limit", type=SECONDS, help="Raise SoftTimeLimitExceeded in them, likewise."
)
@click.option(
    "--shutdown-timeout",
    type=click.FloatRange(min=0, max=MAX_SECONDS),
    help="After a stop signal, end what runs after so many seconds; default: wait for it.",
)
@click.option(
    "--autoscale",
    default="",
    metavar="MAX,MIN",
    help="As many tasks at a time as there is work for, in place of --concurrency.",
)
@click.option(
    "--limit-memory",
    default="",
    help="More than this in a process, such as 2GB, is a MemoryError; default: no limit.",
)
@click.option(
    "--no-new-privs", is_flag=True, help="Let no task gain rights, such as by a setuid program."
)
@click.option(
    "-B",
    "--beat/--no-beat",
    default=True,
    show_default=True,
    help="Fire the schedule, too; any number of workers may, and each time is fired once.",
)
@plain_errors
def worker(url: str, broker: str, app: str, loglevel: str, *, local: bool, **options: Any) -> None:
    """Run tasks. URL is a Redis (or NBTASKS_URL); without one, the embedded server.

    One SIGTERM or Ctrl-C finishes what runs, a second one ends it at once: tasks go back.
    """
    # Imported here: nothing else of the command line needs processes.
    from nbtasks.worker.logbook import set_up
    from nbtasks.worker.options import GONE_MS
    from nbtasks.worker.worker import Worker

    import_from_here()
    program = options.pop("program")
    found, server = _take_on(url or broker, app, program, local=local)
    hide_secrets()
    config = _announce(found, options)
    # Where tasks run in the worker itself, one looks on: what they log is shown.
    logs = replace(config, worker_log_tasks=config.worker_log_tasks or options["pool"] == SOLO)
    set_up(logs, options["name"], getattr(logging, loglevel.upper()))
    tell_insecure(config)
    _check(config)
    _check_lifeline(is_wanted=options["until_stdin_closes"])
    may_stop = partial(_is_unused, server) if local and server is not None else None
    gone_ms = GONE_MS if local else None
    whole = replace(
        _worker_options(config, **options),
        program=program,
        declare=_declaration(found, program) if options["beat"] and program else None,
        may_stop=may_stop,
        gone_ms=gone_ms,
    )
    if whole.declare is not None:
        whole.declare()
    sys.exit(Worker(config, whole).run())


def _announce(app: App, options: dict[str, Any]) -> Config:
    """The settings of the app, as receivers of a signal have left them."""
    name = options["name"] = service_name(options["name"], "worker")
    celeryd_init.send(name, instance=app, conf=app.conf, options=options)
    path = str(options.pop("logfile") or app.config.worker_log_file)
    path = path.replace("%h", name).replace("%n", name.partition("@")[0])
    is_json = bool(options.pop("log_json")) or app.config.worker_log_json
    path = str(Path(path).absolute()) if path else ""
    return replace(app.config, worker_log_file=path, worker_log_json=is_json)


def _worker_options(
    config: Config,
    *,
    queues: str,
    exclude_queues: str,
    concurrency: int | None,
    autoscale: str,
    name: str,
    time_limit: float | None,
    soft_time_limit: float | None,
    shutdown_timeout: float | None,
    no_new_privs: bool,
    beat: bool,
    until_stdin_closes: bool,
    **pool: Any,
) -> "WorkerOptions":
    """What the command line says of a worker, checked.

    Raises:
        ConfigError: A name or a limit is wrong.
    """
    from nbtasks.worker.options import WorkerOptions

    most, least = _bounds(concurrency, autoscale, config)
    return WorkerOptions(
        name=name,
        queues=choose_queues(queues, exclude_queues, config),
        concurrency=most,
        least=least,
        pool=_pool_options(config, **pool),
        limit_ms=_ms(time_limit),
        soft_ms=_ms(soft_time_limit),
        shutdown_ms=None if shutdown_timeout is None else shutdown_timeout * 1000,
        beat=beat,
        no_new_privs=no_new_privs,
        has_lifeline=until_stdin_closes,
    )


def _pool_options(
    config: Config,
    *,
    pool: str,
    start_method: str,
    async_concurrency: int,
    max_tasks_per_child: int | None,
    max_memory_per_child: str,
    limit_memory: str,
) -> PoolOptions:
    """What the command line says of a worker's children."""
    from nbtasks.worker.memory import parse_size

    return PoolOptions(
        kind=pool,
        start=start_method,
        async_concurrency=async_concurrency,
        max_tasks=config.worker_max_tasks_per_child
        if max_tasks_per_child is None
        else max_tasks_per_child,
        max_memory=parse_size(max_memory_per_child)
        if max_memory_per_child
        else config.worker_max_memory,
        limit_memory=parse_size(limit_memory) if limit_memory else 0,
    )


def _bounds(concurrency: int | None, autoscale: str, config: Config) -> tuple[int, int]:
    """How many tasks at a time: the most, and the least, 0 for always as many."""
    if not autoscale:
        most = concurrency or config.worker_concurrency or os.cpu_count() or 1
        return most, 0
    if concurrency is not None:
        raise ConfigError("--autoscale and --concurrency say the same: give one of them")
    found = _BOUNDS.fullmatch(autoscale)
    most, least = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= least <= most <= MOST_CHILDREN:
        raise ConfigError(
            f"--autoscale is {autoscale!r}: write first the most, then the least number of tasks at"
            f" a time, such as 10,2, from 1 to {MOST_CHILDREN}"
        )
    return most, least


def _ms(seconds: float | None) -> int:
    return 0 if seconds is None else max(1, round(seconds * 1000))


def _take_on(
    url: str, name: str, program: str, *, local: bool
) -> tuple[App, "embedded.EmbeddedServer | None"]:
    """The app of the program, or a new one; what the command line says wins."""
    from nbtasks.registry import find_app, take_on

    found = find_app(program) if program else None
    base = from_environment() if found is None else found.config
    if found is not None:
        import_modules.send(found)
        for module in base.imports:
            import_module(module)  # what is wrong there is to be said at once
        base = replace(base, imports=(program.partition(":")[0], *base.imports))
    if local:
        base = replace(base, url="")
    base = replace(base, name=name or base.name, url=url or base.url)
    config, server = resolve(base, as_worker=True)
    return take_on(found, config), server


def _declaration(app: App, program: str) -> Callable[[], None] | None:
    """What declares the schedule of a program; None where it has none.

    A worker is there for more than that: it goes on where the schedule is wrong.
    """
    if not app.schedules.is_programmed:
        return None

    def declare() -> None:
        was_connected = app.is_connected  # by the tasks of a solo worker
        try:
            for entry in app.schedules.declare(program.partition(":")[0]):
                logger.info("declared %r: %s", entry.name, entry.describe())
        except NbTasksError as error:
            logger.warning("the schedule of %s is not declared: %s", program, error)
        finally:
            if not was_connected:
                app.close()

    return declare


def _check(config: Config) -> None:
    """Say at once where Redis cannot be reached; a worker that runs would wait for it."""
    link = Link(config.url)
    link.open()
    link.close()


def _check_lifeline(*, is_wanted: bool) -> None:
    """Refuse a standard input that never closes, or is closed from the beginning.

    Raises:
        ConfigError: It is no pipe.
    """
    mode = os.fstat(0).st_mode
    if is_wanted and not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        raise ConfigError("--until-stdin-closes needs a pipe as standard input")


def _is_unused(server: "embedded.EmbeddedServer") -> bool:
    return not embedded.has_clients(server.folder)
