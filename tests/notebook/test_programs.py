"""Programs that run notebooks: papermill sets parameters, and gives the same bytes twice."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from kernel_side import end_users_of, private_environment

from nbtasks.demo import quickstart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
BIKES = quickstart().with_name("bikes.ipynb")
PARAMETERS = ("-p", "workers", "1", "-p", "rounds", "80", "-y", "rates: [0.1]")
WIDGET = "application/vnd.jupyter.widget-view+json"
CELLS = [
    "%load_ext nbtasks\n%broker --start 1",
    "%%task first\nimport threading\nthreading.Event().wait(0.5)\nprint('words')\n1",
    "%%task -b second\n2",
    "first",
    "from nbtasks import current_app\ncurrent_app()",
]
RUN = """
import sys, tempfile, nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
notebook = nbformat.reads(sys.stdin.read(), as_version=4)
with tempfile.TemporaryDirectory() as folder:
    manager = AsyncKernelManager(transport="ipc", ip=folder + "/k")
    NotebookClient(notebook, timeout=60, km=manager).execute()
print(nbformat.writes(notebook))
"""


@pytest.fixture
def environment(tmp_path):
    found = private_environment(tmp_path, JUPYTER_PREFER_ENV_PATH="1")
    yield found
    end_users_of(found["NBTASKS_HOME"])


def papermill(environment, folder):
    """Run the bikes with other parameters in a folder; what was saved."""
    folder.mkdir()
    environment = {**environment, "NBTASKS_HOME": str(folder / "home")}
    out = folder / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--cwd", str(BIKES.parent)]
    ended = subprocess.run(
        [*command, *PARAMETERS, str(BIKES), str(out)],
        env={**environment, "NBTASKS_UI": "text"}, cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    end_users_of(environment["NBTASKS_HOME"])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(out.read_text())


def without_times(notebook):
    """As bytes, without what papermill notes of the run itself."""
    del notebook["metadata"]["papermill"]
    for cell in notebook["cells"]:
        cell["metadata"].pop("papermill", None)
        cell["metadata"].pop("execution", None)
        if "injected-parameters" in cell["metadata"].get("tags", ()):
            cell["id"] = "parameters"
    return json.dumps(notebook).encode()


def test_papermill_sets_parameters_and_gives_the_same_bytes_twice(environment, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(papermill, environment, tmp_path / name) for name in ("a", "b")]
        first, second = [run.result() for run in runs]

    saved = without_times(first)
    assert b"search: 4 tasks" in saved
    assert b"Connected to the embedded server: 1 worker" in saved
    assert saved == without_times(second)


def test_nbclient_saves_the_end_of_tasks_that_nobody_waited_for(environment, tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    ended = subprocess.run(
        [sys.executable, "-c", RUN],
        input=nbformat.writes(nbformat.v4.new_notebook(cells=cells)), env=environment,
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip

    cells = nbformat.reads(ended.stdout, as_version=4).cells
    shown = [each["data"] for cell in cells[1:] for each in cell["outputs"] if "data" in each]
    assert all(WIDGET not in data for data in shown)
    words = [re.sub(r"\w+… |\d+\.\d s", "", data["text/plain"]) for data in shown]
    first = "<Task first SUCCESS >\n  words"
    assert words[:-1] == [first, "<Task second SUCCESS >", "2", first]
    assert "<table" in shown[-1]["text/html"]
