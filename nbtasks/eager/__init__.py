"""Eager runs: a canvas runs here and now, with the rules that Redis and the workers keep.

Tasks run one after the other, each after those it waits for. Arguments, values and errors are
encoded as if they travelled. There is no process to kill and no clock that ends a task: time limits
and revoking mean nothing here, and neither delays nor expiry make anybody wait.
"""

from nbtasks.eager.run import EagerRun
from nbtasks.eager.source import EagerSource
from nbtasks.eager.storing import ended_records

__all__ = ["EagerRun", "EagerSource", "ended_records"]
