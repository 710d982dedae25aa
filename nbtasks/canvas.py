"""Signatures combined, and the plan they compile to: what is submitted as records (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nbtasks.errors import ConfigError
from nbtasks.signature import Sendable, Signature

if TYPE_CHECKING:
    from nbtasks.result import GroupResult

SHOWN: Final = 3
"""How many tasks the repr of a group lists."""

Call = tuple[tuple[Any, ...], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls of one task with the same options: they become the members of one record."""

    task: Sendable
    calls: Sequence[Call]
    options: Mapping[str, Any]
    labels: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a signature, a group or (later) any canvas compiles to."""

    batches: Sequence[Batch]

    @classmethod
    def of(cls, signatures: Iterable[Signature]) -> "Plan":
        """Neighbours that call the same task with the same options share a record."""
        batches: list[Batch] = []
        calls: list[Call] = []
        for signature in signatures:
            last = batches[-1] if batches else None
            if last is None or last.task is not signature.task or last.options != signature.options:
                calls = []
                batches.append(Batch(signature.task, calls, signature.options))
            calls.append((signature.args, signature.kwargs))
        return cls(batches)


class group:  # noqa: N801 - Celery's name for it, and it reads as a verb
    """Tasks that run side by side: `group(fit.s(c) for c in cs)()` returns a `GroupResult`.

    Args:
        signatures: Signatures, or one iterable of them.

    Raises:
        ConfigError: Something else than a signature is among them.
    """

    def __init__(self, *signatures: Signature | Iterable[Signature]) -> None:
        found: list[Any] = []
        for item in signatures:
            if isinstance(item, Iterable) and not isinstance(item, (Signature, str)):
                found.extend(item)
            else:
                found.append(item)
        for item in found:
            if not isinstance(item, Signature):
                raise ConfigError(
                    f"a group takes signatures like fit.s(0.1), and got {item!r}"
                    f" ({type(item).__name__})"
                )
        self.tasks: tuple[Signature, ...] = tuple(found)

    def __repr__(self) -> str:
        shown = [repr(task) for task in self.tasks[:SHOWN]]
        return f"group({', '.join(shown)}{', …' if len(self.tasks) > SHOWN else ''})"

    def __len__(self) -> int:
        return len(self.tasks)

    def __call__(self, **options: Any) -> "GroupResult[Any]":
        """Send all."""
        return self.apply_async(**options)

    def delay(self, *args: Any, **kwargs: Any) -> "GroupResult[Any]":
        """Send all, each with these arguments before its own."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> "GroupResult[Any]":
        """Send all, each with these arguments before its own and these options over its own."""
        if "task_id" in options:
            raise ConfigError("task_id names one task: a group has many")
        if not self.tasks:
            raise ConfigError("an empty group has nothing to run")
        tasks = self.tasks
        if args or kwargs:
            tasks = tuple(task.clone(args, kwargs) for task in tasks)
        if options:
            tasks = tuple(task.set(**options) for task in tasks)
        return tasks[0].task.sender.send_all(tasks)
