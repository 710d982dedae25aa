"""What a submit returns: handles on tasks that wait for events and raise what failed."""

from nbtasks.result.base import ResultBase
from nbtasks.result.group import GroupResult, ResultSet
from nbtasks.result.making import make_result
from nbtasks.result.single import AsyncResult

__all__ = ["AsyncResult", "GroupResult", "ResultBase", "ResultSet", "make_result"]
