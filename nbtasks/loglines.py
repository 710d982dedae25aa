"""Lines of a worker's log: how they are written, and the loggers of tasks."""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from nbtasks.errors import ConfigError

LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
TASK_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(task_name)s[%(task_id)s]: %(message)s"

TASK_LOGGER: Final = "nbtasks.task"
"""Above all loggers that `get_task_logger` gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The settings of a worker's log.

    Attributes:
        worker_hijack_root_logger: False to leave the root logger as the program has set it up.
        worker_log_format: Lines of the worker itself.
        worker_task_log_format: Lines that tasks log.
        worker_log_json: Write each line as a JSON object, in place of both.
        worker_log_file: Where it goes; empty for standard error.
        worker_log_tasks: Have what tasks log in it, too, not only in their own logs.
    """

    worker_hijack_root_logger: bool = True
    worker_log_format: str = LOG_FORMAT
    worker_task_log_format: str = TASK_LOG_FORMAT
    worker_log_json: bool = False
    worker_log_file: str = ""
    worker_log_tasks: bool = False

    def check_logs(self) -> None:
        """Refuse what is no format.

        Raises:
            ConfigError: It is none, or names what a line does not have.
        """
        for name in ("worker_log_format", "worker_task_log_format"):
            form = getattr(self, name)
            try:
                formatter = logging.Formatter(form)
                formatter.format(_marked(logging.makeLogRecord({})))
            except (ValueError, TypeError, KeyError) as error:
                raise ConfigError(
                    f"{name} is {form!r}, and no format of lines: {error}. Write it as for the"
                    " module logging, as %(asctime)s %(task_id)s %(message)s"
                ) from None
        path: Any = self.worker_log_file  # it comes from the user
        if not isinstance(path, str):
            raise ConfigError(f"worker_log_file is {path!r}: it must be the name of a file")


def _marked(record: logging.LogRecord) -> logging.LogRecord:
    record.task_id = record.task_name = ""
    return record


class TextLines(logging.Formatter):
    """Lines in two formats: of tasks, and of all else."""

    def __init__(self, form: str, task_form: str) -> None:
        super().__init__(form)
        self._of_tasks = logging.Formatter(task_form)

    def format(self, record: logging.LogRecord) -> str:
        """A line, and the traceback below it."""
        if task_of(record):
            return self._of_tasks.format(record)
        return super().format(_marked(record))


class JsonLines(logging.Formatter):
    """A JSON object on a line, with the same names in each.

    Args:
        worker: Whose log it is.
    """

    def __init__(self, worker: str) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """One line, a traceback included."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "worker": self._worker,
            "pid": record.process,
            "task_id": task_of(record) or None,
            "task_name": getattr(record, "task_name", "") or None,
            "exc": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps(fields, ensure_ascii=False)


def task_of(record: logging.LogRecord) -> str:
    """The id of the task that has logged this; empty for none."""
    return str(getattr(record, "task_id", ""))


def get_task_logger(name: str) -> logging.Logger:
    """The logger of a name, for the tasks of a module.

    What is set for the logger `nbtasks.task` holds for it, and what it logs in a task goes to the
    same places also where a task has set logging up for itself.

    Args:
        name: As a rule `__name__`.
    """
    logger = logging.getLogger(name)
    if logger.parent is logging.getLogger() and name != TASK_LOGGER:
        logger.parent = logging.getLogger(TASK_LOGGER)
    return logger
