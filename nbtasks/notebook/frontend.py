"""Who shows this notebook: what its front end tells of itself, and what it can show."""

import os
import sys
from typing import Any, Final

from IPython.core.getipython import get_ipython

from nbtasks.notebook.vocabulary import VIEWS

ENV_NOTEBOOK: Final = "JPY_SESSION_NAME"
"""Where Jupyter's server puts the path of the notebook."""

ENV_VIEW: Final = "NBTASKS_UI"
_VIEW_OF_SETTING: Final = {"widget": "board", "html": "html", "text": "text", "off": "none"}
_HAS_WIDGETS: Final = "google.colab"


def notebook_path() -> str:
    """The path of this notebook as its front end tells it; '' where none does."""
    shell: Any = get_ipython()
    told = shell.user_ns.get("__vsc_ipynb_file__") if shell is not None else ""
    return str(os.environ.get(ENV_NOTEBOOK) or told or "")


def is_stable() -> bool:
    """Whether outputs are to be the same in every run: no ids, hosts or times."""
    return os.environ.get(ENV_VIEW) == "text"


def resolve_view(view: str) -> str:
    """What `auto` means here: the environment's setting, else what the front end can show.

    Where nobody tells which notebook this is, a program runs it (nbclient, papermill): it saves
    what was displayed, and a widget without its kernel is blank. There, and wherever a front end is
    unknown, static HTML is brought up to date.

    Raises:
        ValueError: There is no such view.
    """
    if view not in VIEWS:
        raise ValueError(f"no view {view!r}: use one of {', '.join(VIEWS)}")
    if view != "auto":
        return view
    setting = os.environ.get(ENV_VIEW, "auto").strip().lower()
    if setting in _VIEW_OF_SETTING:
        return _VIEW_OF_SETTING[setting]
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return "text"
    return "board" if notebook_path() or _HAS_WIDGETS in sys.modules else "html"
