"""What a submit returns: handles on tasks that wait for events and raise what failed."""

from nbtasks.result.base import ResultBase, result_from_tuple, set_restorer
from nbtasks.result.canvas import Canvas
from nbtasks.result.eager import EagerResult, task_result
from nbtasks.result.group import GroupResult, ResultSet
from nbtasks.result.making import make_result
from nbtasks.result.single import AsyncResult

__all__ = [
    "AsyncResult",
    "Canvas",
    "EagerResult",
    "GroupResult",
    "ResultBase",
    "ResultSet",
    "make_result",
    "result_from_tuple",
    "set_restorer",
    "task_result",
]
