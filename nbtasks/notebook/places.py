"""Where a line of a traceback is: in a cell of this notebook, not in a temporary file."""

import re
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from IPython.core.getipython import get_ipython

from nbtasks.notebook.frontend import notebook_path

_PLACE = re.compile(r'File "([^"\n]+)", line (\d+)')
_CELL = re.compile(r"Cell In\[(\d+)\], line \d+")
_cells: dict[int, str] = {}


def note_cell(number: int, identity: str) -> None:
    """The cell that runs as `In[number]` has this id in its notebook; empty where unknown."""
    if identity:
        _cells[number] = identity


def in_cells(traceback: str) -> str:
    """A traceback in words with `Cell In[2], line 3` where the file is a cell of this notebook."""
    shell: Any = get_ipython()
    compiler = getattr(shell, "compile", None)
    if compiler is None:
        return traceback

    def place(found: "re.Match[str]") -> str:
        named = compiler.format_code_name(found[1])
        return found[0] if named is None else f"{named[0]} {named[1]}, line {found[2]}"

    return _PLACE.sub(place, traceback)


def linked(page: str) -> str:
    """HTML in which `Cell In[2], line 3` leads to that cell, as links of JupyterLab do."""
    name = quote(PurePath(notebook_path()).name)

    def link(found: "re.Match[str]") -> str:
        identity = _cells.get(int(found[1]))
        if not name or identity is None:
            return found[0]
        return f'<a href="{name}#cell-id={quote(identity)}">{found[0]}</a>'

    return _CELL.sub(link, page)
