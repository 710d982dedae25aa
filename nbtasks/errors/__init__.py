"""Every error that nbtasks raises on purpose.

    NbTasksError
    ├── ConfigError                 a setting, an option or a key is wrong          (ValueError)
    ├── StoreError
    │   ├── StoreUnavailable        Redis does not answer                          (ConnectionError)
    │   ├── StoreRefused            Redis answers, but refuses what we send
    │   │   └── StoreFull           it has no memory left for a submit
    │   ├── NotReplicated           a submit is stored, but no replica has it
    │   ├── QueueFull               a bounded queue has no room for a submit
    │   └── NoServer                no URL, and no server to start
    ├── TaskError
    │   ├── UnknownTask             no record of that id is stored                  (LookupError)
    │   ├── UnknownEntry            there is no schedule entry of that name         (KeyError)
    │   ├── Unsendable              an input, a function or a value cannot be pickled
    │   ├── TooBig                  an input or a value is above the size limit
    │   ├── TooOld                  a message was signed longer ago than is allowed
    │   ├── ContentRefused          a message has a form that this side does not take
    │   ├── NotRunning              a task has no stack, since it does not run
    │   ├── TaskRevoked             the task was revoked before it finished
    │   ├── TimeLimitExceeded       the task ran longer than its time limit, and was killed
    │   ├── SoftTimeLimitExceeded   raised inside a task that runs over its soft limit
    │   ├── Retry                   raised in a task to be tried again
    │   ├── MaxRetriesExceededError it was, as often as is allowed
    │   ├── WorkerLost              its worker died more often than allowed
    │   ├── ChordError              a task of the group before it did not succeed
    │   ├── VersionMismatch         it was pickled for another Python
    │   ├── BadSignature            a message or a result is not signed by our key
    │   └── RemoteError             its exception could not be brought here as an object
    ├── ArchiveUnavailable          the database of the archive does not answer    (ConnectionError)
    └── WaitTimeout                 a wait took longer than asked                   (TimeoutError)

Each class keeps its constructor's arguments in ``args``, so it survives pickle, and writes its
sentence in ``__str__``.
"""

from nbtasks.errors.base import (
    ConfigError,
    NbTasksError,
    WaitTimeout,
)
from nbtasks.errors.store import (
    ArchiveUnavailable,
    NoServer,
    NotReplicated,
    QueueFull,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)
from nbtasks.errors.task import (
    BadSignature,
    ChordError,
    ContentRefused,
    MaxRetriesExceededError,
    NotRunning,
    RemoteError,
    Retry,
    SoftTimeLimitExceeded,
    TaskError,
    TaskRevoked,
    TimeLimitExceeded,
    TooBig,
    TooOld,
    UnknownEntry,
    UnknownTask,
    Unsendable,
    VersionMismatch,
    WorkerLost,
)

__all__ = [
    "ArchiveUnavailable",
    "BadSignature",
    "ChordError",
    "ConfigError",
    "ContentRefused",
    "MaxRetriesExceededError",
    "NbTasksError",
    "NoServer",
    "NotReplicated",
    "NotRunning",
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
]

for (
    _name
) in __all__:  # where they are written down is nobody's concern: not a pickle's, not a log's
    globals()[_name].__module__ = __name__
