"""`%tasks WORD` in a real kernel, and what the Tab key offers."""

import re

import pytest
from kernel_side import COMPLETE
from patience import wait_until


@pytest.fixture
def broken(kernel, tmp_path):
    """A task that has failed, until its file is there."""
    path = tmp_path / "there"
    kernel.ok(f"path = {str(path)!r}")
    kernel.ok("%%task broken --quiet\nprint('so far')\nopen(path).read()")
    kernel.ok("%tasks wait broken")
    return path


@pytest.mark.usefixtures("broken")
def test_what_a_task_wrote_is_shown_by_its_name_or_id(kernel):
    assert kernel.ok("%tasks log broken").text("stdout") == "so far\n"
    identity = kernel.ok("broken.id").value.strip("'")
    assert kernel.ok(f"%tasks log {identity}").text("stdout") == "so far\n"


def test_what_the_tasks_of_a_group_wrote_is_told_apart(kernel):
    kernel.ok("%%task many --quiet --for n in range(2)\nprint(n)")

    kernel.ok("%tasks wait")
    assert kernel.ok("%tasks log").text("stdout") == "[0] 0\n[1] 1\n"


def test_what_has_failed_is_run_again(kernel, broken):
    broken.write_text("now")

    assert kernel.ok("%tasks retry broken").text("stdout") == "broken: 1 task queued again\n"
    assert kernel.ok("%tasks wait broken --timeout 20s").text("stdout") == "broken: 1 SUCCESS\n"
    assert kernel.ok("broken.get()").value == "'now'"


@pytest.mark.usefixtures("broken")
def test_a_task_is_shown_and_drawn_again(kernel):
    (board,) = kernel.ok("%tasks show broken").displays
    (drawing,) = kernel.ok("%tasks graph broken").displays

    assert "FileNotFoundError" in board["text/html"]
    assert "<svg" in drawing["image/svg+xml"]


def test_where_a_task_is_is_told_by_the_lines_of_its_cell(kernel, tmp_path):
    path = str(tmp_path / "here")
    kernel.ok(f"%%task lost --quiet\nopen({path!r}, 'w').close()\nwhile True:\n    pass")
    wait_until((tmp_path / "here").exists, "it runs")

    told = kernel.ok("%tasks stack lost").text("stdout")

    kernel.ok("%tasks cancel lost")
    assert re.search(r"Cell In\[\d+\], line [34], in <module>\n    (pass|while True:)\n", told)
    assert kernel.ok("%tasks stack lost").text("stdout") == "lost does not run now: 1 REVOKED\n"


def test_a_task_is_ended_and_forgotten(kernel):
    kernel.ok("%%task endless --quiet\nwhile True: pass")

    assert kernel.ok("%tasks forget endless").text("stdout") == (
        "endless has not ended: %tasks cancel endless\n"
    )
    assert kernel.ok("%tasks cancel").text("stdout") == "endless: 1 task revoked\n"
    kernel.ok("%tasks wait")
    assert kernel.ok("%tasks forget endless").text("stdout") == "endless is forgotten\n"
    assert "endless" not in kernel.ok("%tasks -n 200").displays[0]["text/plain"]


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lgo", "%tasks lgo: there is no such command: did you mean 'log'?"),
        ("log brokn", "'brokn' is no task of this notebook, and no id: did you mean 'broken'?"),
    ],
)
def test_a_mistake_is_told_with_the_nearest_word(kernel, line, said):
    assert kernel.run(f"%tasks {line}").usage == said


def test_the_tab_key_offers_options_and_values(kernel):
    kernel.ok(COMPLETE + "result_of_mine, Mine = None, OSError")
    kernel.ok("%%task mine --quiet\n1")

    for text, first in {
        "%%task --qu": "%%task --queue",
        "%%task x -q def": "%%task x -q default",
        "%%task --view ht": "%%task --view html",
        "%%task --after mi": "%%task --after mine",
        "%%task -i result_of_m": "%%task -i result_of_mine",
        "%%task --retry-on OSError,Tim": "%%task --retry-on OSError,TimeoutError",
        "r = %task --repl": "r = %task --replace",
        "%tasks lo": "%tasks log",
        "%tasks log @la": "%tasks log @last",
        "%tasks -s FAIL": "%tasks -s FAILURE",
        "%broker --st": "%broker --start",
    }.items():
        assert first in kernel.ok(f"offered({text!r})").value


def test_the_tab_key_is_left_to_others_elsewhere(kernel):
    kernel.ok(COMPLETE)

    assert "prin" in kernel.ok("offered('%%task\\npri')").value
    assert "--queue" not in kernel.ok("offered('%%time --qu')").value


def test_what_was_loaded_is_taken_away_again(kernel):
    kernel.ok(
        "shell = get_ipython()\ndef kinds(): return [type(c).__name__ for c in shell.configurables]"
    )
    assert kernel.ok("'NbTasks' in kinds()").value == "True"
    kernel.ok("%unload_ext nbtasks")

    left = kernel.ok("len(shell.Completer.custom_matchers), 'NbTasks' in kinds()")
    assert left.value == "(0, False)"
    assert "not found" in kernel.run("%tasks").usage
    kernel.ok("%load_ext nbtasks")
    kernel.ok("%broker --start 1")
    assert kernel.ok("%%task -b\n7").value == "7"
