"""The log of a worker: the set-up of logging in its parent, and in the processes of its tasks."""

import logging
import os
from collections.abc import Callable
from typing import Any, Final, TextIO

from nbtasks.context import current_task
from nbtasks.errors import ConfigError, SoftTimeLimitExceeded
from nbtasks.loglines import (
    LOG_FORMAT,
    TASK_LOGGER,
    JsonLines,
    LogSettings,
    TextLines,
    task_of,
)
from nbtasks.record import STDERR
from nbtasks.signals import after_setup_logger, after_setup_task_logger, setup_logging
from nbtasks.worker import capture

_OURS: Final = "nbtasks."
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_MODE: Final = 0o644

Make = Callable[..., logging.LogRecord]


class Logbook(logging.Handler):
    """Writes lines to a worker's standard error, or to its file, from all of its processes.

    Each line is one write, so lines of several processes do not mix. A file that was moved away, as
    logrotate does, is made anew.

    Args:
        settings: How, and where to.
        worker: Whose log it is.

    Raises:
        ConfigError: The file cannot be written.
    """

    def __init__(self, settings: LogSettings, worker: str) -> None:
        super().__init__()
        self._path = settings.worker_log_file
        self._tells_tasks = settings.worker_log_tasks
        self.setFormatter(
            JsonLines(worker)
            if settings.worker_log_json
            else TextLines(settings.worker_log_format, settings.worker_task_log_format)
        )
        try:
            if self._path:
                os.close(self._open())
        except OSError as error:
            raise ConfigError(f"worker_log_file {self._path!r}: {error.strerror}") from None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        if task_of(record) and not self._tells_tasks:
            return
        try:
            self._write(f"{self.format(record)}\n")
        except SoftTimeLimitExceeded:
            raise  # it is meant for the task
        except Exception:  # noqa: BLE001 - what is logged is a user's, as is its __str__
            self.handleError(record)

    def in_tasks(self, stream: TextIO) -> logging.Handler:
        """What takes its place in a process of tasks.

        Args:
            stream: Takes what goes to the log of the task that runs.
        """
        handler = _OfTasks(self, stream)
        tasks = logging.getLogger(TASK_LOGGER)
        tasks.addHandler(handler)
        tasks.propagate = False  # to handlers that a task has made: they write to the same place
        return handler

    def _write(self, line: str) -> None:
        if not self._path:
            capture.write_to_terminal(STDERR, line)
            return
        # Opened each time: a process of tasks closes what it was not told to keep.
        file = self._open()
        try:
            os.write(file, line.encode("utf-8", "backslashreplace"))
        finally:
            os.close(file)

    def _open(self) -> int:
        return os.open(self._path, _APPEND, _MODE)


class _OfTasks(logging.Handler):
    """Writes what a task logs to its own log, and to the worker's."""

    def __init__(self, book: Logbook, stream: TextIO) -> None:
        super().__init__()
        self._book = book
        self._stream = stream
        self.setFormatter(logging.Formatter(LOG_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        is_ours = record.name.startswith(_OURS) and record.name != TASK_LOGGER
        if task_of(record) or not is_ours:
            try:
                self._stream.write(f"{self.format(record)}\n")
            except SoftTimeLimitExceeded:
                raise
            except Exception:  # noqa: BLE001 - what is logged is a user's, as is its __str__
                self.handleError(record)
        if task_of(record) or is_ours:
            self._book.emit(record)


def set_up(settings: LogSettings, worker: str, level: int) -> None:
    """Set up logging in a process of a worker, as its settings and its program say.

    Args:
        settings: The settings.
        worker: Its name.
        level: What is below that is not logged.

    Raises:
        ConfigError: The file cannot be written.
    """
    _mark_records()
    root, path = logging.getLogger(), settings.worker_log_file
    common: dict[str, Any] = {"loglevel": level, "logfile": path or None, "colorize": False}
    form, task_form = settings.worker_log_format, settings.worker_task_log_format
    if setup_logging.receivers:
        setup_logging.send(None, format=form, **common)
        return
    if settings.worker_hijack_root_logger:
        root.handlers.clear()
    if not root.handlers:
        root.addHandler(Logbook(settings, worker))
    root.setLevel(level)
    after_setup_logger.send(None, logger=root, format=form, **common)
    tasks = logging.getLogger(TASK_LOGGER)
    after_setup_task_logger.send(None, logger=tasks, format=task_form, **common)


def _mark_records() -> None:
    """Have each record say which task it comes from, for whatever format wants to know."""
    make: Make = logging.getLogRecordFactory()
    if isinstance(make, _Marking):
        return
    logging.setLogRecordFactory(_Marking(make))


class _Marking:
    def __init__(self, make: Make) -> None:
        self._make = make

    def __call__(self, *args: Any, **named: Any) -> logging.LogRecord:
        record = self._make(*args, **named)
        record.task_id, record.task_name = _task_here()
        return record


def _task_here() -> tuple[str, str]:
    context = current_task.get()
    if context is None:
        return "", ""
    try:
        request = context.request
    except RuntimeError:  # none runs now
        return "", ""
    return request.id, request.task
