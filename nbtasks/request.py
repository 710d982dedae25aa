"""What a running task may know of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtasks.retry import DEFAULT_MAX_RETRIES


@dataclass(frozen=True, slots=True)
class Request:
    """Which task runs, and where it stands in its canvas.

    Attributes:
        id: Its id; empty where it was called as a plain function.
        task: Its name.
        retries: How many came before this try.
        hostname: The worker it runs on.
        root_id: The id of the whole canvas; its own where it stands alone.
        parent_id: The task that came before it, or that sent it; None for none.
        group: The id of the group it is in; None for none.
        stamps: The headers that stamping has put on it.
        headers: Those it was sent with (`apply_async(headers=...)`).
        max_retries: How often it may be tried again.
        args: What it was called with, without `self`.
        kwargs: Likewise, by name.
        is_eager: Whether it runs in the process that sent it (`apply`).
        called_directly: Whether it was called as a plain function: then nothing else is known.
        timelimit: Seconds until it is killed, and until `SoftTimeLimitExceeded`; None for never,
            as in an eager run.
        ignore_result: Whether its value is not kept; False in an eager run.
        eta: When it was to start, in ISO 8601 and UTC; None for at once, and in a canvas.
        expires: After when it was not to start any more, likewise.
        delivery_info: `routing_key` (the queue it was sent to), `priority`, `redelivered` (whether
            a worker is lost that had it before), and an empty `exchange`.
        shadow: What people are shown as its name; None for `task`.
    """

    id: str
    task: str
    retries: int
    hostname: str
    root_id: str = ""
    parent_id: str | None = None
    group: str | None = None
    stamps: Mapping[str, Any] = field(default_factory=dict[str, Any])
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_eager: bool = False
    headers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    max_retries: int = DEFAULT_MAX_RETRIES
    called_directly: bool = False
    timelimit: tuple[float | None, float | None] = (None, None)
    ignore_result: bool = False
    eta: str | None = None
    expires: str | None = None
    delivery_info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    shadow: str | None = None

    @property
    def correlation_id(self) -> str:
        """The same as `id`: an answer goes by the id of the task."""
        return self.id

    def get(self, name: str, default: Any = None) -> Any:
        """One of these by its name; `default` where there is none of that name."""
        return getattr(self, name, default)

    @property
    def stamped_headers(self) -> list[str]:
        """The names of the stamps."""
        return list(self.stamps)


def seconds_of(limit_ms: int) -> float | None:
    """A limit as a request has it; None for none."""
    return limit_ms / 1000 if limit_ms else None
