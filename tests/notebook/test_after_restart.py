"""Life after the kernel: what a notebook has sent is found again, and nothing runs twice."""

import pytest
from kernel_side import Kernel
from patience import wait_until
from test_commands import COMPLETE

# A task that says when it begins, and ends when it is told to.
SLOW = """%%task slow
from pathlib import Path
import threading
with open(folder + "/began", "a") as file:
    file.write("once ")
print("I have begun", flush=True)
while not Path(folder, "go").exists():
    threading.Event().wait(0.01)
"done"
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel that is told its notebook's name, as by a Jupyter server."""
    folder = tmp_path_factory.mktemp("k")
    found = Kernel(folder, JPY_SESSION_NAME=str(folder / "mine.ipynb"))
    load(found, folder)
    yield found
    found.close()


def load(kernel, folder):
    kernel.ok("%load_ext nbtasks")
    kernel.ok("%broker --start 1")
    kernel.ok(f"folder = {str(folder)!r}")


@pytest.fixture
def restarted(kernel, tmp_path):
    """A kernel that has come up again while a task that it had sent was running."""
    kernel.ok(f"folder = {str(tmp_path)!r}")
    kernel.ok("%%task parts --for n in [1, 2]\nprint('part', n)\nn")
    kernel.ok("%%task broken\n1 / 0")
    kernel.ok("%tasks wait broken")
    kernel.ok(SLOW)
    wait_until((tmp_path / "began").exists, "the task has begun")
    kernel.restart()
    load(kernel, tmp_path)
    yield tmp_path
    (tmp_path / "go").touch()
    kernel.ok("%tasks wait slow")


def test_the_tasks_of_a_notebook_are_found_after_a_restart(kernel, restarted):
    table = kernel.ok("%tasks").displays[0]["text/plain"]

    assert [line.split()[:2] for line in table.splitlines()[2:5]] == [
        ["slow", "STARTED"],
        ["broken", "FAILURE"],
        ["parts", "2"],
    ]
    assert kernel.ok("%tasks log parts").text("stdout") == "[0] part 1\n[1] part 2\n"
    assert "ZeroDivisionError" in kernel.ok("%tasks show @failed").displays[0]["text/html"]
    (restarted / "go").touch()
    assert kernel.ok("%tasks wait @last").text("stdout") == "slow: 1 SUCCESS\n"
    assert (restarted / "began").read_text() == "once "


@pytest.mark.usefixtures("restarted")
def test_the_tab_key_offers_the_names_of_before(kernel):
    kernel.ok(COMPLETE)

    assert "%tasks show slow" in kernel.ok("offered('%tasks show sl')").value
    assert "r = %task --attach parts" in kernel.ok("offered('r = %task --attach pa')").value


@pytest.mark.usefixtures("restarted")
def test_a_board_of_an_earlier_task_has_its_output_and_goes_on(kernel):
    board = kernel.ok("%tasks show slow").displays[0]

    assert "I have begun" in board["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in board


def test_what_a_cell_sent_before_the_restart_is_not_sent_twice_unnoticed(kernel, restarted):
    again = SLOW.replace("task slow", "task slow --replace")
    assert "still runs and goes on" in kernel.ok(SLOW).text("stderr")
    kernel.ok("%tasks cancel")
    assert "still runs" not in kernel.ok(again).text("stderr")
    (restarted / "go").touch()
    kernel.ok("%tasks wait")


@pytest.mark.usefixtures("restarted")
def test_a_task_is_taken_up_again_by_its_name_or_id(kernel):
    attached = kernel.ok("again = %task --attach slow")
    assert "I have begun" in attached.displays[0]["text/html"]
    identity = kernel.ok("again.id").value.strip("'")
    assert kernel.ok(f"_same = %task --attach {identity} --quiet\n_same == again").value == "True"
    assert kernel.ok("r = %task --attach parts -b --view text\nr").value == "[1, 2]"
    assert kernel.ok("r = %task --attach parts --quiet\nr[1].get()").value == "2"


@pytest.mark.usefixtures("restarted")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--attach slwo", "'slwo' is no task of this notebook, and no id: did you mean 'slow'?"),
        (
            "--attach slow -q gpu",
            "--attach takes up what was sent before: --queue cannot change it",
        ),
        ("--attach", "--attach needs a value: take up what was sent before, by name or id: r ="),
    ],
    ids=["name", "option", "nothing"],
)
def test_a_mistake_in_taking_up_is_told(kernel, line, said):
    assert kernel.run(f"%task {line}").usage.startswith(said)


def test_a_stored_result_is_taken_after_a_restart_also_with_functions_among_the_inputs(kernel):
    define = "def f(x):\n    return {'p', 'q', 'r'} if x else g\ndef g(): return f"
    count = (
        "with open(folder + '/runs', 'a') as file: file.write('x')\nf(1), open(file.name).read()"
    )
    kernel.ok(define)
    first = kernel.ok(f"%%task -b --cache\n{count}").value
    folder = kernel.ok("folder").value.strip("'")
    kernel.restart()
    kernel.ok("%load_ext nbtasks")
    kernel.ok("%broker")
    kernel.ok(f"folder = {folder!r}\n\n{define}")

    assert kernel.ok(f"%%task -b --cache\n{count}").value.endswith("'x')")
    assert first.endswith("'x')")
