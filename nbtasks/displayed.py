"""What a marimo notebook shows of an object of ours: marimo asks the object, not a formatter."""

from importlib import import_module
from typing import Final

_VIEWS: Final = "nbtasks.notebook.beside"


class Displayed:
    """Is shown by marimo as its widget, where the widgets are installed."""

    __slots__ = ()

    def _display_(self) -> object:
        try:
            # By name: a worker has results too, and none of the libraries of notebooks.
            beside = import_module(_VIEWS)
        except ImportError:
            return repr(self)
        found: object = beside.shown(self)
        return found
