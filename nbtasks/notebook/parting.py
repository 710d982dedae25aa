"""How a widget comes, and how it leaves: once a browser has what takes its place."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtasks.notebook.widget import LiveWidget

Hear = Callable[[object, object, object], None]


class Parting:
    """Holds a widget that has ended, for a browser that is away, until one has its picture.

    Args:
        hear: What hears its clicks.
    """

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._widget: LiveWidget | None = None
        self.kept: dict[str, Any] | None = None
        """The picture, and whose place it takes; a page that comes later is told, too."""

    def begin(self, widget: "LiveWidget", static: dict[str, Any], *, is_met: bool) -> None:
        """Tell what takes its place; where no browser ever spoke, none is waited for."""
        self._widget = widget
        self.kept = {"id": widget.model_id, "data": static}
        widget.send({"t": "end", "kept": self.kept})
        if not is_met:
            self.end()

    def end(self) -> None:
        """A browser has it: close the widget."""
        widget, self._widget = self._widget, None
        if widget is not None:
            widget.on_msg(self._hear, remove=True)
            widget.close()


def make_widget(kind: str, look: Callable[[], tuple[dict[str, Any], bytes]]) -> "LiveWidget":
    """Load the widgets with the first of them: they take a fifth of `%load_ext`."""
    found: LiveWidget = import_module("nbtasks.notebook.widget").widget_class(kind)(look)
    return found
