"""What signatures need of an app and of its tasks, so that they can be sent without knowing it."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest

if TYPE_CHECKING:
    from nbtasks.plan import Plan
    from nbtasks.routes import Routes
    from nbtasks.signature import Signature


class Sender(Protocol):
    """What signatures need of an app."""

    @property
    def tasks(self) -> "Mapping[str, Sendable]":
        """The tasks by their names."""
        ...

    @property
    def routes(self) -> "Routes":
        """Where tasks go that name no queue."""
        ...

    def compile(
        self,
        signature: "Signature",
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> "Plan":
        """What a signature comes to: records, and what each of them waits for."""
        ...

    def send(self, plan: "Plan") -> Any:
        """Submit a plan; returns its result."""
        ...

    def run_here(self, plan: "Plan", *, throw: bool | None = None) -> Any:
        """Run a plan in this process; returns its result."""
        ...


class Sendable(Protocol):
    """What signatures need of a task."""

    name: str

    @property
    def sender(self) -> Sender:
        """The app it is sent by."""
        ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it here."""
        ...

    def check_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise TypeError where the function does not take these."""
        ...

    def over_list(self, *, star: bool) -> "Sendable":
        """The task that applies this one to each item of a list."""
        ...


def find_task(name: str, app: Sender | None = None) -> Sendable:
    """The task of a name.

    Raises:
        ConfigError: The app has no such task; the message names the nearest one.
    """
    tasks = (app or current_sender()).tasks
    found = tasks.get(name)
    if found is None:
        raise ConfigError(f"there is no task {name!r}{nearest(name, list(tasks))}")
    return found


_find_sender: Callable[[], Sender] | None = None


def set_sender(find: Callable[[], Sender]) -> None:
    """Say which app those belong to that were given none, as tasks that are unpickled here."""
    global _find_sender  # noqa: PLW0603 - one per process, set when `app` is imported
    _find_sender = find


def current_sender() -> Sender:
    """The app of those that were given none."""
    if _find_sender is None:
        raise RuntimeError("tasks have an app only where nbtasks.app is imported")
    return _find_sender()
