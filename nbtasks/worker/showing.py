"""What a task displays, on its way to its card: nothing of Jupyter is loaded until it is needed.

`display` of IPython asks a shell how to format a value, and where to publish that. Here it gets one
as soon as somebody imports IPython, and matplotlib draws for it as it does in a notebook.
"""

import builtins
import json
import os
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, cast

from nbtasks.record import CLEAR, CLEAR_LATER, DISPLAY, SHOW, UPDATE
from nbtasks.worker import capture

MAX_SHOWN: Final = 500_000
"""Bytes of one kind of one thing that is displayed; the next best kind is sent instead."""

MAX_PLAIN: Final = 10_000
MAX_NAME: Final = 200

_KINDS: Final = ("image/png", "image/jpeg", "image/gif", "image/svg+xml", "text/html")
_SOURCES: Final = ("text/markdown", "text/latex", "text/plain")
_METHODS: Final = (
    "_repr_html_",
    "_repr_png_",
    "_repr_jpeg_",
    "_repr_svg_",
    "_repr_mimebundle_",
    "_ipython_display_",
)
_SHELL: Final = "IPython.core.interactiveshell"
_OURS: Final = "nbtasks.worker.shell"
_INLINE: Final = "matplotlib_inline"


def show(data: Mapping[str, Any], display_id: str = "", *, update: bool = False) -> None:
    """Put something on the card of the running task.

    Args:
        data: One thing by MIME type, as IPython formats it.
        display_id: By which it may be updated.
        update: Whether it takes the place of what was displayed by this id.
    """
    name = " ".join(display_id.split())[:MAX_NAME]
    kept = _json(best_of(data)).decode()
    capture.hand_over(DISPLAY, f"{UPDATE if update else SHOW}{name}\n{kept}")


def clear(*, wait: bool) -> None:
    """Empty the card of the running task, now or when it writes again."""
    capture.hand_over(DISPLAY, CLEAR_LATER if wait else CLEAR)


def best_of(data: Mapping[str, Any]) -> dict[str, str]:
    """The richest kind that a card can show and that is not too large, and some plain text."""
    source = next((text for kind in _SOURCES if (text := data.get(kind))), "")
    found = {"text/plain": str(source)[:MAX_PLAIN]}
    for kind in _KINDS:
        content = data.get(kind)
        if content is None:
            continue
        text = _text(content)
        if len(_json(text)) <= MAX_SHOWN:
            found[kind] = text
            break
        size = f"{len(text) / 1e6:,.1f} MB"
        found["text/plain"] = f"[{kind} of {size} is left out]\n{found['text/plain']}"
    return found


def shown_value(value: object) -> str:
    """What a notebook would show as a value, as `record.SHOW` has it; empty for just its words."""
    kind = type(value)
    if _OURS not in sys.modules and not any(hasattr(kind, name) for name in _METHODS):
        return ""
    try:
        import_module(_SHELL)
    except ImportError:
        return ""
    module = sys.modules.get(_OURS)
    found = best_of(module.formatted(value)) if module is not None else {}
    return f"{SHOW}\n{_json(found).decode()}" if found.keys() - {"text/plain"} else ""


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _text(content: object) -> str:
    if isinstance(content, bytes):
        return b64encode(content).decode()
    if isinstance(content, (list, tuple)):
        return "".join(map(str, cast("Sequence[object]", content)))
    return str(content)


def display(*values: Any, **options: Any) -> Any:
    """IPython's `display`, which a cell has without importing it; in words where there is none."""
    try:
        found = import_module("IPython.display")
    except ImportError:
        for value in values:
            show({"text/plain": repr(value)})
        return None
    return found.display(*values, **options)


def finish() -> None:
    """A task has ended: show the figures that it has left open, as a cell does."""
    module = sys.modules.get(_OURS)
    if module is not None:
        module.finish()


def listen() -> None:
    """From now on, tasks have `display`, and IPython gets a shell when it is imported."""
    if not hasattr(builtins, "display"):
        setattr(builtins, "display", display)  # noqa: B010 - IPython's own place for it
    if _SHELL in sys.modules:
        _install()
    elif not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds nothing itself: it adds a step to what others find."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname == "matplotlib" and find_spec(_INLINE) is not None:
            # A worker has no windows. ipykernel, too, says it in this way.
            os.environ.setdefault("MPLBACKEND", f"module://{_INLINE}.backend_inline")
        if fullname != _SHELL:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def then_install(module: ModuleType) -> None:
                execute(module)
                _install()

            setattr(spec.loader, "exec_module", then_install)  # noqa: B010 - a method of one loader
        return spec


def _install() -> None:
    import_module(_OURS).install()  # it imports IPython: not before a task does
