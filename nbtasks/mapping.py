"""One task over a list of items, and a list cut into pieces: `map`, `starmap`, `chunks` (pure)."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar, Self

from nbtasks.canvas import group
from nbtasks.errors import ConfigError
from nbtasks.sender import Sendable, Sender, find_task
from nbtasks.signature import Signature


class xmap(Signature):  # noqa: N801 - Celery's name for it
    """One task that applies another to each item of a list: `fit.map([0.1, 1, 10])`.

    Args:
        task: The task that is applied, or its name.
        it: The items.
    """

    __slots__ = ("inner",)
    subtask_type = "xmap"
    star: ClassVar[bool] = False
    """Whether each item is a tuple of arguments."""

    def __init__(self, task: Sendable | str, it: Any) -> None:
        self.inner = find_task(task) if isinstance(task, str) else task
        items = it if hasattr(it, "as_value") else list(it)
        super().__init__(self.inner.over_list(star=self.star), (items,), immutable=True)

    def __repr__(self) -> str:
        item = "*x" if self.star else "x"
        return f"[{self.inner.name}({item}) for x in {self.args[0]!r}]"

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON; `from_dict` reads them again."""
        return {**super().to_dict(), "task": self.inner.name}

    @classmethod
    def read(cls, fields: Mapping[str, Any], app: Sender) -> Signature:
        """One of this kind from plain values."""
        return cls(find_task(fields["task"], app), *fields["args"])

    def _copy(self) -> Self:
        copy = super()._copy()
        copy.inner = self.inner
        return copy


class xstarmap(xmap):  # noqa: N801 - Celery's name for it
    """As `xmap`, where each item is a tuple of arguments: `add.starmap([(1, 2), (3, 4)])`."""

    __slots__ = ()
    subtask_type = "xstarmap"
    star = True


class chunks(group):  # noqa: N801 - Celery's name for it
    """A group of tasks that each do several calls: `add.chunks(zip(xs, ys), 100)`.

    Args:
        task: The task that is called.
        it: Tuples of arguments.
        n: How many calls one task of the group does.

    Raises:
        ConfigError: That is not a whole number from 1.
    """

    __slots__ = ()
    subtask_type = "chunks"

    def __init__(self, task: Sendable | str, it: Iterable[Any], n: int) -> None:
        size: Any = n  # it comes from the user
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ConfigError(f"chunks of {size!r}: it must be a whole number from 1")
        items = iter(it)
        super().__init__(xstarmap(task, part) for part in iter(lambda: list(islice(items, n)), []))

    def group(self) -> group:
        """The group that it is."""
        return group(self.tasks)

    @classmethod
    def _assemble(cls, *parts: Any) -> Any:
        return group(*parts)
