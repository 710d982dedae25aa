"""nbtasks: notebook cells and functions as tasks on remote workers, through Redis.

    from nbtasks import App, group

    app = App()                          # no URL: the embedded server

    @app.task
    def add(x, y):
        return x + y

    add.delay(2, 3).get()                # 5, from a worker

Names are loaded when first used, so `import nbtasks` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbtasks.app import App, current_app
    from nbtasks.canvas import chain, chord, group
    from nbtasks.config import Config
    from nbtasks.connection import InsecureWarning
    from nbtasks.context import TaskContext, checkpoint, last_checkpoint, track
    from nbtasks.errors import (
        ArchiveUnavailable,
        BadSignature,
        ChordError,
        ConfigError,
        ContentRefused,
        MaxRetriesExceededError,
        NbTasksError,
        NoServer,
        NotReplicated,
        NotRunning,
        QueueFull,
        RemoteError,
        Retry,
        SoftTimeLimitExceeded,
        StoreError,
        StoreFull,
        StoreRefused,
        StoreUnavailable,
        TaskError,
        TaskRevoked,
        TimeLimitExceeded,
        TooBig,
        TooOld,
        UnknownEntry,
        UnknownTask,
        Unsendable,
        VersionMismatch,
        WaitTimeout,
        WorkerLost,
    )
    from nbtasks.loglines import get_task_logger
    from nbtasks.mapping import chunks, xmap, xstarmap
    from nbtasks.presence import NoWorkerWarning
    from nbtasks.record import worker_direct
    from nbtasks.registered import register_serializer
    from nbtasks.result import (
        AsyncResult,
        Canvas,
        EagerResult,
        GroupResult,
        ResultSet,
        result_from_tuple,
    )
    from nbtasks.roster import shared_task
    from nbtasks.schedule import Schedule, cron, crontab, every, solar
    from nbtasks.signature import Signature
    from nbtasks.stamping import StampingVisitor
    from nbtasks.states import TaskState
    from nbtasks.store.dead import DeadTask
    from nbtasks.task import Task

__version__: Final = "0.1.0"

_HOMES: Final = {
    "app": ("App", "current_app"),
    "canvas": ("chain", "chord", "group"),
    "config": ("Config",),
    "connection": ("InsecureWarning",),
    "context": ("TaskContext", "checkpoint", "last_checkpoint", "track"),
    "errors": (
        "ArchiveUnavailable",
        "BadSignature",
        "ChordError",
        "ConfigError",
        "ContentRefused",
        "NotRunning",
        "MaxRetriesExceededError",
        "NbTasksError",
        "NoServer",
        "NotReplicated",
        "QueueFull",
        "RemoteError",
        "Retry",
        "SoftTimeLimitExceeded",
        "StoreError",
        "StoreFull",
        "StoreRefused",
        "StoreUnavailable",
        "TaskError",
        "TaskRevoked",
        "TimeLimitExceeded",
        "TooBig",
        "TooOld",
        "UnknownEntry",
        "UnknownTask",
        "Unsendable",
        "VersionMismatch",
        "WaitTimeout",
        "WorkerLost",
    ),
    "loglines": ("get_task_logger",),
    "mapping": ("chunks", "xmap", "xstarmap"),
    "presence": ("NoWorkerWarning",),
    "registered": ("register_serializer",),
    "result": (
        "AsyncResult",
        "Canvas",
        "EagerResult",
        "GroupResult",
        "ResultSet",
        "result_from_tuple",
    ),
    "record": ("worker_direct",),
    "roster": ("shared_task",),
    "schedule": ("Schedule", "cron", "crontab", "every", "solar"),
    "signature": ("Signature",),
    "stamping": ("StampingVisitor",),
    "states": ("TaskState",),
    "store.dead": ("DeadTask",),
    "task": ("Task",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "App",
    "ArchiveUnavailable",
    "AsyncResult",
    "BadSignature",
    "Canvas",
    "ChordError",
    "Config",
    "ConfigError",
    "ContentRefused",
    "DeadTask",
    "EagerResult",
    "GroupResult",
    "InsecureWarning",
    "MaxRetriesExceededError",
    "NbTasksError",
    "NoServer",
    "NoWorkerWarning",
    "NotReplicated",
    "NotRunning",
    "QueueFull",
    "RemoteError",
    "ResultSet",
    "Retry",
    "Schedule",
    "Signature",
    "SoftTimeLimitExceeded",
    "StampingVisitor",
    "StoreError",
    "StoreFull",
    "StoreRefused",
    "StoreUnavailable",
    "Task",
    "TaskContext",
    "TaskError",
    "TaskRevoked",
    "TaskState",
    "TimeLimitExceeded",
    "TooBig",
    "TooOld",
    "UnknownEntry",
    "UnknownTask",
    "Unsendable",
    "VersionMismatch",
    "WaitTimeout",
    "WorkerLost",
    "chain",
    "checkpoint",
    "chord",
    "chunks",
    "cron",
    "crontab",
    "current_app",
    "every",
    "get_task_logger",
    "group",
    "last_checkpoint",
    "register_serializer",
    "result_from_tuple",
    "shared_task",
    "solar",
    "track",
    "worker_direct",
    "xmap",
    "xstarmap",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'nbtasks' has no attribute {name!r}")
    value = getattr(import_module(f"nbtasks.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """`%load_ext nbtasks`: add the magics."""
    import_module("nbtasks.notebook.magics").load(shell)


def unload_ipython_extension(shell: "InteractiveShell") -> None:
    """`%unload_ext nbtasks`: take them away again."""
    import_module("nbtasks.notebook.magics").unload(shell)
