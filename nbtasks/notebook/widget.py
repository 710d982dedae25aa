"""The browser's side of what is shown: widgets, their modules and their style sheets."""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from nbtasks.notebook.heard import Message

_STATIC: Final = Path(__file__).parent / "static"
_BOARD: Final = (
    "core.js",
    "amounts.js",
    "host.js",
    "channel.js",
    "link.js",
    "parts.js",
    "tabs.js",
    "focus.js",
    "overall.js",
    "listed.js",
    "failing.js",
    "grid.js",
    "card.js",
    "rows.js",
    "board.js",
)
_GRAPH: Final = ("layout.js", "stage.js", "boxes.js", "strands.js", "written.js", "graph.js")
_TABLES: Final = ("core.js", "host.js", "channel.js", "parts.js", "focus.js", "table.js")
_MONITOR: Final = ("amounts.js", "hour.js", "timeline.js", "queues.js", "fleet.js", "limits.js")
_ROWS: Final = ("link.js", "card.js", "pages.js", "roll.js", "chosen.js", "tools.js")
_CARD: Final = (
    "core.js", "host.js", "channel.js", "link.js", "parts.js", "focus.js", "card.js",
    "card_view.js",
)  # fmt: skip
_MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "board": (*_BOARD, "board_only.js"),
    "card": _CARD,
    "graph": (*_BOARD, *_GRAPH, "board_and_graph.js"),
    "results": (*_TABLES, *_ROWS, "results.js"),
    "schedule": (*_TABLES, "edit.js", "entry.js", "schedule.js"),
    "monitor": (*_TABLES, *_MONITOR, "monitor.js"),
}
"""Of each kind of widget its modules, each after those it imports."""
_STYLES: Final[Mapping[str, tuple[str, ...]]] = {
    "board": ("core.css", "blocks.css", "card.css", "board.css"),
    "card": ("core.css", "blocks.css", "card.css"),
    "monitor": ("core.css", "table.css", "monitor.css"),
    "results": ("core.css", "blocks.css", "card.css", "table.css", "results.css"),
    "schedule": ("core.css", "table.css", "schedule.css"),
    "graph": ("core.css", "blocks.css", "card.css", "board.css", "graph.css"),
}


def join_modules(kind: str) -> str:
    """Our modules as one: a widget is loaded from a blob, where it cannot import its neighbours."""
    parts: list[str] = []
    for name in _MODULES[kind]:
        source = re.sub(r"(?ms)^import [^;]*;\n", "", _read(_STATIC / name))
        parts.append(re.sub(r"(?m)^export (?!default)", "", source))
    return "".join(parts)


def pack_modules(kind: str) -> str:
    """The joined modules as they are sent: packed, in one that unpacks them once for a page."""
    source = f"{join_modules(kind)}//# sourceURL=nbtasks/{kind}.js\n".encode()
    name = f"{kind} {hashlib.sha256(source).hexdigest()[:16]}"
    packed = base64.b85encode(zlib.compress(source, 9)).decode()
    outer = _read(_STATIC / "unpack.js")
    return outer.replace("__NAME__", name).replace("__PACKED__", packed)


def join_styles(kind: str) -> str:
    """Our style sheets as one."""
    sheet = "".join((_STATIC / name).read_text(encoding="utf-8") for name in _STYLES[kind])
    return re.sub(r"(?m)^\s+|/\*.*?\*/", "", sheet)


class LiveWidget(anywidget.AnyWidget):
    """The browser's side of something that is shown.

    What it shows is not kept here: `look` tells it whenever a browser asks, so a reload or a
    second tab begins with the present state.
    """

    whole = traitlets.Dict().tag(sync=True)
    snapshot = traitlets.Bytes().tag(sync=True)

    def __init__(self, look: Callable[[], tuple[Message, bytes]]) -> None:
        self._look = look
        super().__init__()
        comm: Any = self.comm
        if hasattr(comm, "_reply_subshell_for"):
            # ipykernel 7.4 answers a click in the subshell that runs the cell, thus after it.
            comm._reply_subshell_for = _asked_subshell  # noqa: SLF001

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - ipywidgets' signature
        """The synced traits; ours as they are now."""
        base: Any = super()
        state: dict[str, Any] = base.get_state(key, drop_defaults)
        if "whole" in state or "snapshot" in state:
            whole, snapshot = self._look()
            found = {"whole": whole, "snapshot": snapshot}
            state.update((name, found[name]) for name in found.keys() & state.keys())
        return state

    def close(self) -> None:
        """Leave the kernel and the browser, with the layout that ipywidgets made for us."""
        untyped: Any = self
        if self.comm is not None:
            # nbclient saves the last state of closed widgets too: leave next to nothing to save.
            self._look = _nothing
            self._esm, self._css = "export default {}", ""
            self.send_state(("whole", "snapshot"))
        super().close()
        untyped.layout.close()


def _read(path: Path) -> str:
    """A module without what only we read: each widget carries its source into the notebook."""
    source = path.read_text(encoding="utf-8")
    source = re.sub(r"(?s)/\*\*(?:(?!\*/).)*\*/[ \t]*", "", source)
    source = re.sub(r"(?m)^\s*//.*\n|[ \t]+// .*$", "", source)
    return re.sub(r"(?m)^\s+|[ \t]+$", "", source)


@cache
def widget_class(kind: str) -> type[LiveWidget]:
    """The widget of this kind."""
    texts = {"_esm": pack_modules(kind), "_css": join_styles(kind)}
    return type(f"{kind.capitalize()}Widget", (LiveWidget,), texts)


def _nothing() -> tuple[Message, bytes]:
    return {}, b""


def _asked_subshell(_data: object, default: object) -> object:
    return default
