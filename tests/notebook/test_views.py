"""What of a task is shown, and what of it is kept."""

import pytest
from patience import wait_until

HOLD = """
from pathlib import Path
import threading
def hold(path):
    while not Path(path).exists():
        threading.Event().wait(0.01)
"""


@pytest.fixture
def settings(kernel):
    yield lambda text: kernel.ok(f"%config NbTasks.{text}")
    kernel.ok('%config NbTasks.log = True\n%config NbTasks.progress_after = ""')


def html(kernel, message):
    """What the board of a cell says now."""
    kernel.read()
    return "".join(data.get("text/html", "") for data in kernel.cells[message].displays)


def test_what_a_task_prints_is_not_shown_where_nobody_wants_it(kernel, settings):
    source = "print('chatter')\n7"
    assert "chatter" not in str(kernel.ok(f"%%task quiet -b --no-log\n{source}").displays)
    assert kernel.ok("quiet.log").value == r"'chatter\n'"

    settings("log = False")
    assert "chatter" not in str(kernel.ok(f"%%task -b\n{source}").displays)
    assert "chatter" in str(kernel.ok(f"%%task -b --log\n{source}").displays)


def test_a_value_that_is_ignored_is_not_kept(kernel):
    assert kernel.ok("%%task -b --ignore-result\n6 * 7").value is None
    kernel.ok("%%task def ignored() --ignore-result\n6 * 7")
    assert kernel.ok("ignored.delay().get() is None").value == "True"


def test_a_cell_says_how_often_and_how_many_at_a_time(kernel):
    cell = "%%task each -b --for x in range(4) --concurrency 1 --rate-limit 100/s\nx * x"
    assert kernel.ok(cell).value == "[0, 1, 4, 9]"
    kernel.ok("%%task def seldom() --rate-limit 1/m\n6 * 7")
    assert kernel.ok("seldom.options.limits.every_us").value == "60000000"
    assert 'write "10/s", "5/m"' in kernel.run("%%task --rate-limit often\n1").usage


@pytest.mark.parametrize("other", ["--outputs x", "--cache"])
def test_what_is_ignored_is_not_asked_for(kernel, other):
    name = other.split()[0]
    assert kernel.run(f"%%task --ignore-result {other}\nx = 1").usage == (
        f"--ignore-result and {name}: of what is not kept, nothing is left"
    )


def test_a_short_task_gets_no_board_where_that_is_set(kernel, settings):
    settings('progress_after = "1m"')
    shown = kernel.ok("%%task -b\n7")

    assert shown.value == "7"
    assert shown.displays == [{"text/plain": ""}]


def test_a_short_task_that_fails_gets_one(kernel, settings):
    settings('progress_after = "1m"')
    message = kernel.start("%%task\n1 / 0")

    wait_until(lambda: "ZeroDivisionError" in html(kernel, message), "the failure is shown")
    kernel.finish(message)


def test_a_board_appears_once_a_task_has_taken_long(kernel, settings, tmp_path):
    settings('progress_after = "0.1s"')
    kernel.ok(HOLD + f"gate = {str(tmp_path / 'go')!r}")
    message = kernel.start("%%task long\nhold(gate)")
    kernel.finish(message)

    wait_until(lambda: "long" in html(kernel, message), "the board appears")
    assert "application/vnd.jupyter.widget-view+json" in kernel.cells[message].displays[0]
    (tmp_path / "go").touch()
    kernel.ok("%tasks wait")


def test_what_looks_like_a_secret_goes_along_only_by_name(kernel):
    kernel.ok("db_password, n = 'hunter2', 1")

    assert kernel.run("%%task -b\nlen(db_password) + n").usage.endswith(
        "name all inputs: --inputs db_password,n"
    )
    assert kernel.ok("%%task -b -i db_password,n\nlen(db_password) + n").value == "8"
    assert kernel.ok("%%task -b --local\nlen(db_password) + n").value == "8"
    kernel.ok("%config NbTasks.confirm_inputs = 'none'")
    assert kernel.ok("%%task -b\nlen(db_password) + n").value == "8"
    kernel.ok("%config NbTasks.confirm_inputs = ''")


def test_a_semicolon_behind_the_line_hides_the_value(kernel):
    assert kernel.ok("%%task seven -b;\n7").value is None
    assert kernel.ok("seven.get()").value == "7"


@pytest.mark.parametrize("line", ["%task --help", "%tasks -h", "%broker --help", "%workers ?"])
def test_every_magic_has_help_with_its_options(kernel, line):
    text = kernel.ok(line).text("stdout")

    assert line.split()[0] in text
    assert "--queue" in text or "--state" in text
