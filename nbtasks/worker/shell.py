"""The shell that IPython finds in a task: it formats and publishes, and runs nothing."""

import sys
import traceback
from types import ModuleType
from typing import Any

from IPython.core.displaypub import DisplayPublisher
from IPython.core.events import EventManager, available_events
from IPython.core.formatters import DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import SingletonConfigurable

from nbtasks.worker import showing


class CardPublisher(DisplayPublisher):
    """Publishes to the card of the running task."""

    def publish(
        self, data: Any, metadata: Any = None, *_: Any, update: bool = False, **more: Any
    ) -> None:
        """Show one thing."""
        del metadata
        transient: dict[str, Any] = more.get("transient") or {}
        showing.show(data, str(transient.get("display_id", "")), update=update)

    def clear_output(self, wait: bool = False) -> None:  # noqa: FBT001, FBT002 - IPython's signature
        """Empty the card."""
        showing.clear(wait=wait)


class TaskShell(InteractiveShell):
    """As much of a shell as `display` and matplotlib ask for.

    A whole one would take the place of `__main__`, open a history and change signals.
    """

    def __init__(self, **options: Any) -> None:
        SingletonConfigurable.__init__(self, **options)
        self.configurables: list[Any] = [self]
        self.user_module = ModuleType("__main__")
        self.user_ns: dict[str, Any] = {}
        self.events = EventManager(self, available_events)
        self.display_formatter = DisplayFormatter(parent=self)
        publisher: Any = CardPublisher
        self.display_pub = publisher(parent=self)

    def showtraceback(self, *_: Any, **__: Any) -> None:
        """Write what was raised while something was drawn."""
        traceback.print_exc(file=sys.stderr)


def install() -> None:
    """Be the shell of this process, unless it has one, as a kernel does."""
    if not InteractiveShell.initialized():
        TaskShell.instance()


def finish() -> None:
    """Let matplotlib show what is still open."""
    shell: Any = InteractiveShell.instance() if InteractiveShell.initialized() else None
    if isinstance(shell, TaskShell):
        shell.events.trigger("post_execute")


def formatted(value: object) -> dict[str, Any]:
    """A value by MIME type; what shows itself has done so."""
    shell: Any = InteractiveShell.instance()
    found: tuple[dict[str, Any], Any] = shell.display_formatter.format(value)
    return found[0]
