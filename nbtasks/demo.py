"""`nbtasks demo` and `nbtasks lab`: the quickstart, run to the end or opened in JupyterLab."""

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Mapping
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
    """Where the quickstart notebook is: inside the installed package, or beside it in a checkout."""
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
    for module, extra in (("nbclient", "lab"), ("nbconvert", "lab"), ("sklearn", "lab")):
        _need(module, extra)
    target = Path(folder or tempfile.mkdtemp(prefix="nbtasks-demo-"))
    target.mkdir(parents=True, exist_ok=True)
    say = _say
    say(f"Running {QUICKSTART}: 48 models, two workers, embedded server …")
    notebook, summary = _execute(quickstart())
    page = _write(notebook, target)
    best = summary["best"]
    faster = summary["one_process_s"] / summary["tasks_s"]
    say(f"Best model     SVC(C={best['C']:g}, gamma={best['gamma']:g}), accuracy {best['accuracy']:.1%} on held-out digits")
    say(f"Search         {summary['fits']} fits on {summary['workers']} workers in {summary['tasks_s']:.1f} s")
    say(f"One process    the same search in {summary['one_process_s']:.1f} s: {faster:.1f} times as long")
    say(f"Notebook       {target / QUICKSTART}")
    say(f"HTML page      {page}")
    return 0


def run_lab() -> int:
    """Replace this process by JupyterLab with the quickstart open.

    Raises:
        MissingExtra: JupyterLab is not installed.
    """
    _need("jupyterlab", "lab")
    path = quickstart()
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", str(path)])  # noqa: S606 - no shell


def _execute(path: Path) -> tuple[Any, Mapping[str, Any]]:
    """The notebook with its outputs, and the summary its last cell made."""
    # The kernel talks over TCP on this machine only; that it says so is not our business.
    warnings.filterwarnings("ignore", category=UserWarning, module="jupyter_client")
    import nbformat  # noqa: PLC0415 - only where there is a notebook
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellExecutionError  # noqa: PLC0415

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3")
    try:
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
            client.set_widgets_metadata()
            extra = nbformat.v4.new_code_cell(_COMPARE)
            notebook.cells.append(extra)
            client.execute_cell(extra, len(notebook.cells) - 1)
            notebook.cells.pop()
    except CellExecutionError as error:
        raise DemoFailed(f"{error.ename}: {error.evalue}") from error
    summary: Mapping[str, Any] = json.loads(extra.outputs[0]["text"])
    return notebook, summary


def _write(notebook: Any, target: Path) -> Path:
    import nbformat  # noqa: PLC0415
    from nbconvert import HTMLExporter  # noqa: PLC0415

    nbformat.write(notebook, target / QUICKSTART)
    page = target / "quickstart.html"
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], "utf-8")
    return page


def _need(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise MissingExtra(module, extra)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
