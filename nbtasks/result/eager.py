"""The handle on one task that ran in this process."""

from typing import TYPE_CHECKING, Any, TypeVar, cast

from nbtasks.live import LiveRecord
from nbtasks.plan import Held, Value
from nbtasks.result.base import ResultBase
from nbtasks.result.single import AsyncResult
from nbtasks.waiting import ResultSource

if TYPE_CHECKING:
    from nbtasks.result.canvas import Canvas

R = TypeVar("R")


class EagerResult(AsyncResult[R]):
    """One task that ran in this process: it had ended before there was a result.

    All that can be asked of an `AsyncResult` can be asked of it, and it answers at once. There is
    nothing to revoke, and Redis does not know of it.
    """

    def as_value(self) -> Value | Held:
        """Its value, as it is; where it failed, what takes it is to fail as well."""
        if self.failed():
            return super().as_value()
        return Held(self.get())

    def __repr__(self) -> str:
        return f"<EagerResult {self.name} {self.id} {self.state}>"


def task_result(
    source: ResultSource,
    record: LiveRecord,
    index: int = 0,
    *,
    parent: ResultBase | None = None,
    canvas: "Canvas | None" = None,
    by_id: bool = False,
) -> AsyncResult[Any]:
    """The handle on a member: of what ran on workers, or in this process."""
    # Not `AsyncResult[Any](...)`: that takes ten times as long, and a group may have many.
    kind = EagerResult if source.is_eager else AsyncResult
    made = cast("type[AsyncResult[Any]]", kind)
    return made(source, record, index, parent=parent, canvas=canvas, by_id=by_id)
