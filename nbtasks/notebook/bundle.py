"""One display in several formats."""

from collections.abc import Callable
from typing import Any, cast

from IPython.display import DisplayHandle
from IPython.display import display as _untyped_display  # pyright: ignore[reportUnknownVariableType]

_display = cast("Callable[..., DisplayHandle | None]", _untyped_display)


class Bundle:
    """One display in several formats; outside IPython its plain text."""

    def __init__(self, formats: dict[str, Any]) -> None:
        self._formats = formats

    def __repr__(self) -> str:
        return str(self._formats["text/plain"])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude
        return self._formats


def show_formats(formats: dict[str, Any]) -> DisplayHandle | None:
    """Make an output under the current cell, of just these formats."""
    if "text/plain" in formats:
        return _display(Bundle(formats), display_id=True)
    return _display(formats, raw=True, display_id=True)  # of a bundle IPython would make a text


def widget_view(model_id: str) -> dict[str, Any]:
    """The format that stands for a widget: front ends put it there."""
    view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
    return {"application/vnd.jupyter.widget-view+json": view}
