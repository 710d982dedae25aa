"""`%workers sync`: modules of this notebook's folder on the workers."""

import sys
from pathlib import Path
from typing import Final

from IPython.core.error import UsageError

from nbtasks.app import App
from nbtasks.notebook.listing import count_of
from nbtasks.notebook.words import size, tell
from nbtasks.spelling import nearest

LEFT_OUT_SHOWN: Final = 3


def sync(app: App, text: str) -> None:
    """Send a module or package ahead of the tasks that import it, and tell so.

    Args:
        app: The app.
        text: A path, or the name of a module that was imported or lies here.

    Raises:
        UsageError: There is none.
        ConfigError: It is too large, or nothing can be imported from it.
    """
    before = dict(app.packages)
    packed = app.sync(_path(text))
    if before == app.packages:
        tell(f"{packed.name} has not changed: it goes along with every task, as before")
        return
    what = f"{packed.name} ({count_of(len(packed.files), 'file')}, {size(packed.size)})"
    tell(f"{what} goes along with every task that is sent from now on")
    if packed.left_out:
        more = len(packed.left_out) - LEFT_OUT_SHOWN
        names = ", ".join(packed.left_out[:LEFT_OUT_SHOWN])
        tell(f"left out, because it is no source: {names}{f' and {more} more' if more > 0 else ''}")


def _path(text: str) -> Path:
    path = Path(text).expanduser()
    for each in (path, path.with_name(f"{path.name}.py")):
        if each.exists():
            return each.resolve()
    file = getattr(sys.modules.get(text), "__file__", None)
    if file and "." not in text:
        found = Path(file)
        return found.parent if found.name == "__init__.py" else found
    here = path.parent
    near = [
        str(each)
        for each in (here.iterdir() if here.is_dir() else ())
        if each.suffix == ".py" or (each / "__init__.py").exists()
    ]
    known = nearest(str(path), near) if near else ""
    raise UsageError(f"%workers sync {text}: there is no such file or folder{known}")
