"""A task and its arguments, not yet sent: a value that may be kept, copied and combined (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from nbtasks.config import nearest
from nbtasks.errors import ConfigError

if TYPE_CHECKING:
    from nbtasks.result import AsyncResult, GroupResult

OPTIONS: Final = (
    "countdown",
    "eta",
    "expires",
    "queue",
    "priority",
    "task_id",
    "retries",
    "retry_delay",
    "backoff",
    "retry_on",
    "max_deliveries",
    "acks_late",
    "time_limit",
    "soft_time_limit",
    "redrive",
    "durable",
)
"""What `apply_async` and `%%task` take; one vocabulary everywhere."""


class Sender(Protocol):
    """What signatures need of an app, so that they can be sent without knowing it."""

    def send_all(self, signatures: "Sequence[Signature]") -> "GroupResult[Any]":
        """Submit signatures that run side by side."""
        ...


class Sendable(Protocol):
    """What signatures need of a task."""

    name: str

    @property
    def sender(self) -> Sender:
        """The app it is sent by."""
        ...

    def check_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise TypeError where the function does not take these."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """A call to be made: `fit.s(0.1)` is `fit` with its arguments and options."""

    task: Sendable
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        parts = [
            *map(repr, self.args),
            *(f"{name}={value!r}" for name, value in self.kwargs.items()),
        ]
        return f"{self.task.name}({', '.join(parts)})"

    def set(self, **options: Any) -> "Signature":
        """A copy with options added.

        Raises:
            ConfigError: There is no such option; the message names the nearest one.
        """
        return replace(self, options={**self.options, **check_options(options)})

    def clone(
        self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> "Signature":
        """A copy with arguments put before its own, and keywords added."""
        return replace(self, args=(*args, *self.args), kwargs={**self.kwargs, **(kwargs or {})})

    def delay(self, *args: Any, **kwargs: Any) -> "AsyncResult[Any]":
        """Send it, with these arguments before its own."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> "AsyncResult[Any]":
        """Send it, with these arguments before its own and these options over its own."""
        whole = self.clone(args, kwargs).set(**options)
        return whole.task.sender.send_all([whole])[0]


def check_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options, if each is known.

    Raises:
        ConfigError: One is not; the message names the nearest one.
    """
    for name in options:
        if name not in OPTIONS:
            raise ConfigError(f"there is no task option {name!r}{nearest(name, list(OPTIONS))}")
    return options
