"""Where a line of a traceback is: in a cell of this notebook, not in a temporary file."""

import re
from typing import Any

from IPython.core.getipython import get_ipython

_PLACE = re.compile(r'File "([^"\n]+)", line (\d+)')


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
