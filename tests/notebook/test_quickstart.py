"""The notebooks: their cells run, what is saved is final, and the demo tells what came out."""

import json
import re
import subprocess
import sys

import pytest
from kernel_side import end_users_of, private_environment

from nbtasks.demo import quickstart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
WIDGET = "application/vnd.jupyter.widget-view+json"
NAMES = ("quickstart.ipynb", "canvas.ipynb", "bikes.ipynb", "schedules.ipynb", "celery.ipynb")
NOTEBOOKS = {path.stem: path for path in map(quickstart().with_name, NAMES)}
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=NOTEBOOKS)


@pytest.fixture
def environment(tmp_path):
    found = private_environment(tmp_path)
    # The kernel of this Python, whatever others the user has installed.
    found["JUPYTER_PREFER_ENV_PATH"] = "1"
    yield found
    end_users_of(found["NBTASKS_HOME"])


def saved_outputs(path):
    cells = json.loads(path.read_text())["cells"]
    return {cell["id"]: cell["outputs"] for cell in cells if cell["cell_type"] == "code"}


@each_notebook
def test_every_cell_runs_and_gives_what_is_saved_where_that_is_asked_for(
    environment, tmp_path, path
):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    options = ["-c", str(tmp_path / "pytest.ini"), "-p", "no:randomly", "-p", "no:cacheprovider"]

    ended = subprocess.run(
        [*command, *options, "--nbval-cell-timeout=120", str(path)],
        env={**environment, "NBTASKS_UI": "text"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{len(saved_outputs(path))} passed" in ended.stdout


def test_the_demo_tells_the_best_model_both_times_and_where_its_page_is(environment, tmp_path):
    folder = tmp_path / "out"

    ended = subprocess.run(
        [sys.executable, "-m", "nbtasks", "demo", "--folder", str(folder)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    said = ended.stdout
    assert re.search(r"Best model +SVC\(C=\S+, gamma=\S+\), accuracy 9\d\.\d% on held-out", said)
    assert re.search(r"Search +48 fits on 2 workers in \d+\.\d s", said)
    assert re.search(r"One process +the same search in \d+\.\d s: \d+\.\d times as long", said)
    assert f"HTML page      {folder / 'quickstart.html'}\n" in said
    assert "48 / 48" in (folder / "quickstart.html").read_text()
    assert WIDGET not in (folder / "quickstart.ipynb").read_text()


@each_notebook
def test_what_is_saved_of_a_notebook_is_final(path):
    text = path.read_text()

    assert WIDGET not in text
    assert "widgets" not in json.loads(text)["metadata"]
    assert not re.search(r"/tmp/|/home/|/root/|ipykernel_|local-1@(?!laptop)", text)  # noqa: S108 - a pattern
    assert not re.search(r"/nbtasks/[\w/]+\.py", text), "it shows where nbtasks is installed"


def test_all_of_the_search_is_saved_in_the_quickstart():
    outputs = saved_outputs(quickstart())

    assert "48 / 48" in quickstart().read_text()
    assert {name for name, found in outputs.items() if not found} == {"cell-5"}
