"""Who shows this notebook: what its front end tells of itself, and what it can show."""

import os
import sys
from typing import Any, Final

from IPython.core.getipython import get_ipython

from nbtasks.errors import ConfigError
from nbtasks.notebook.vocabulary import VIEWS

ENV_NOTEBOOK: Final = "JPY_SESSION_NAME"
"""Where Jupyter's server puts the path of the notebook."""

ENV_VIEW: Final = "NBTASKS_UI"
ENV_FLUSH: Final = "NBTASKS_UI_FLUSH"
_VIEW_OF_SETTING: Final = {"widget": "board", "html": "html", "text": "text", "off": "none"}
_FLUSHES: Final = ("auto", "main", "thread")
_HAS_WIDGETS: Final = "google.colab"
_VSCODE: Final = "__vsc_ipynb_file__"


def check_environment() -> None:
    """See that what the environment says of displays can be understood.

    Raises:
        ConfigError: It cannot.
    """
    for name, known in ((ENV_VIEW, ("auto", *_VIEW_OF_SETTING)), (ENV_FLUSH, _FLUSHES)):
        if _setting(name) not in known:
            raise ConfigError(f"{name} is {os.environ[name]!r}: use one of {', '.join(known)}")


def notebook_path() -> str:
    """The path of this notebook as its front end tells it; '' where none does."""
    shell: Any = get_ipython()
    told = shell.user_ns.get(_VSCODE) if shell is not None else ""
    return str(os.environ.get(ENV_NOTEBOOK) or told or "")


def is_stable() -> bool:
    """Whether outputs are to be the same in every run: no ids, hosts or times."""
    return _setting(ENV_VIEW) == "text"


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
    setting = _setting(ENV_VIEW)
    if setting in _VIEW_OF_SETTING:
        return _VIEW_OF_SETTING[setting]
    if is_marimo():
        return "board"
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return "text"
    return "board" if notebook_path() or _HAS_WIDGETS in sys.modules else "html"


def is_marimo() -> bool:
    """Whether a marimo notebook runs this, in a browser."""
    marimo: Any = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def is_main_only() -> bool:
    """Whether a browser gets what the main thread sends, and nothing else: Colab."""
    setting = _setting(ENV_FLUSH)
    return setting == "main" or (setting != "thread" and _HAS_WIDGETS in sys.modules)


def is_jupyter() -> bool:
    """Whether JupyterLab or Notebook 7 shows this notebook, as far as a kernel can tell."""
    shell: Any = get_ipython()
    is_other = _HAS_WIDGETS in sys.modules or (shell is not None and _VSCODE in shell.user_ns)
    return bool(os.environ.get(ENV_NOTEBOOK)) and not is_other


def _setting(name: str) -> str:
    return os.environ.get(name, "auto").strip().lower()
