"""`nbtasks demo` and `nbtasks lab`: the quickstart, run to the end or opened in JupyterLab."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from nbtasks.errors import NbTasksError

QUICKSTART: Final = "quickstart.ipynb"
TIMEOUT_S: Final = 600

# Runs after the notebook's own cells: the same search in the kernel, without tasks.
_COMPARE: Final = """
import json, time
_begin = time.perf_counter()
_serial = [cross_validate(C, gamma) for C, gamma in grid]
summary["one_process_s"] = time.perf_counter() - _begin
assert np.allclose(_serial, scores), "tasks and kernel disagree"
print(json.dumps(summary))
"""


class MissingExtra(NbTasksError):
    """Something that an extra installs is not there.

    Args:
        module: What cannot be imported.
        extra: The extra that has it.
    """

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(module, extra)

    def __str__(self) -> str:
        module, extra = self.args
        return f'{module} is not installed: pip install "nbtasks[{extra}]"'


class DemoFailed(NbTasksError):
    """The quickstart did not run to its end.

    Args:
        reason: The error of the cell.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"the quickstart did not run to its end: {self.args[0]}"


def quickstart() -> Path:
    """Where the quickstart is: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / QUICKSTART).is_file():
            return folder / QUICKSTART
    raise DemoFailed(f"{QUICKSTART} is missing from this installation")


def run_demo(folder: str) -> int:
    """Run the quickstart in a real kernel, with real workers, and tell what came out.

    Args:
        folder: Where to put the finished notebook and its HTML page; a new folder by default.

    Raises:
        MissingExtra: There is no kernel here.
        DemoFailed: A cell failed.
    """
    for module in ("nbclient", "nbconvert", "sklearn"):
        _need(module, "demo")
    target = Path(folder or tempfile.mkdtemp(prefix="nbtasks-demo-"))
    target.mkdir(parents=True, exist_ok=True)
    _say(f"Running {QUICKSTART}: 48 models, two workers, embedded server …")
    notebook, summary = _execute(quickstart())
    page = _write(notebook, target)
    best, tasks_s, one_s = summary["best"], summary["tasks_s"], summary["one_process_s"]
    model = f"SVC(C={best['C']:g}, gamma={best['gamma']:g})"
    _say(f"Best model     {model}, accuracy {best['accuracy']:.1%} on held-out digits")
    _say(
        f"Search         {summary['fits']} fits on {summary['workers']} workers in {tasks_s:.1f} s"
    )
    took = f"the same search in {one_s:.1f} s: {one_s / tasks_s:.1f} times as long"
    _say(f"One process    {took}")
    _say(f"Notebook       {target / QUICKSTART}")
    _say(f"HTML page      {page}")
    return 0


def run_lab() -> int:
    """Replace this process by JupyterLab with the quickstart open.

    Raises:
        MissingExtra: JupyterLab is not installed.
    """
    _need("jupyterlab", "lab")
    command = [sys.executable, "-m", "jupyterlab", str(quickstart())]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container there is often nobody else
    os.execv(sys.executable, command)  # noqa: S606 - no shell


def _execute(path: Path) -> tuple[Any, Mapping[str, Any]]:
    """The notebook with its outputs, and the summary its last cell made."""
    # Loaded only where there is a notebook; untyped.
    nbformat: Any = import_module("nbformat")
    nbclient: Any = import_module("nbclient")
    jupyter: Any = import_module("jupyter_client.manager")
    notebook = nbformat.read(path, as_version=4)
    extra = nbformat.v4.new_code_cell(_COMPARE)
    try:
        with tempfile.TemporaryDirectory() as folder:
            # Sockets in a folder of this user, not ports that anybody on this machine can reach.
            sockets = str(Path(folder) / "k")
            manager = jupyter.AsyncKernelManager(transport="ipc", ip=sockets)
            client = nbclient.NotebookClient(notebook, timeout=TIMEOUT_S, km=manager)
            with client.setup_kernel(cleanup_kc=True):
                for index, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, index)
                client.set_widgets_metadata()
                notebook.cells.append(extra)
                client.execute_cell(extra, len(notebook.cells) - 1)
                notebook.cells.pop()
    except nbclient.exceptions.CellExecutionError as error:
        raise DemoFailed(f"{error.ename}: {error.evalue}") from error
    summary: Mapping[str, Any] = json.loads(extra.outputs[0]["text"])
    return notebook, summary


def _write(notebook: Any, target: Path) -> Path:
    nbformat: Any = import_module("nbformat")
    nbconvert: Any = import_module("nbconvert")
    nbformat.write(notebook, target / QUICKSTART)
    page = target / "quickstart.html"
    page.write_text(nbconvert.HTMLExporter().from_notebook_node(notebook)[0], "utf-8")
    return page


def _need(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise MissingExtra(module, extra)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
