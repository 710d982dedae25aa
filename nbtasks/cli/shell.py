"""The command `nbtasks shell`."""

import code
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from nbtasks.cli.place import opened, place_options
from nbtasks.cli.plain import plain_errors

if TYPE_CHECKING:
    from nbtasks.app import App


@click.command()
@click.option("--python", is_flag=True, help="Python's own shell, also where IPython is installed.")
@place_options
@plain_errors
def shell(program: str, broker: str, app: str, *, python: bool) -> None:
    """Open a Python shell that has `app`, its tasks by their names, and the canvases."""
    with opened(program, broker, app) as found:
        names = _names(found)
        if python or find_spec("IPython") is None or not sys.stdin.isatty():
            code.interact(f"nbtasks: {', '.join(sorted(names))}", local=names, exitmsg="")
        else:
            ipython: Any = import_module("IPython")  # only where it is asked for
            ipython.start_ipython(argv=[], user_ns=names)


def _names(app: "App") -> dict[str, Any]:
    import nbtasks

    public = ("group", "chain", "chord", "chunks", "xmap", "xstarmap", "AsyncResult", "GroupResult")
    tasks = {name.rpartition(".")[2]: task for name, task in app.tasks.items()}
    return {**{name: getattr(nbtasks, name) for name in public}, **tasks, "app": app}
