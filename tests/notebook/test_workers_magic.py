"""`%workers` in a real kernel: who is there, and to start, stop and read them."""

import re

import pytest
from kernel_side import COMPLETE
from patience import wait_until

HOLD = """
from pathlib import Path
from threading import Event
def hold(go, started):
    pause = Event()
    started.touch()
    while not go.exists():
        pause.wait(0.01)
    return 7
"""


def table(kernel):
    """The rows of the table, by the name of the worker."""
    (shown,) = kernel.ok("%workers").displays
    return {line.split("@")[0]: line for line in shown["text/plain"].splitlines()[2:]}


def said(kernel, line):
    return kernel.ok(f"%workers {line}").text("stdout").strip()


@pytest.fixture
def mine(kernel):
    """The short name of the one worker that is there between tests."""
    kernel.ok("%workers scale 1")
    (name,) = table(kernel)
    return name


def hold(kernel, folder):
    """Send a task that runs until the file which this gives back is there."""
    go, started = folder / "go", folder / "started"
    kernel.ok(f"{HOLD}go, started = Path({str(go)!r}), Path({str(started)!r})")
    kernel.ok("%%task held --quiet\nhold(go, started)")
    wait_until(started.exists, "it runs")
    return go


@pytest.fixture
def held(kernel, tmp_path):
    """A task that runs until its file is there."""
    go = hold(kernel, tmp_path)
    yield go
    go.touch()
    kernel.ok("held.get(20)")


@pytest.mark.usefixtures("held")
def test_the_table_has_what_each_worker_does(kernel, mine):
    (shown,) = kernel.ok("%workers").displays

    assert shown["text/plain"].startswith("1 worker, 1 of 1 busy\n")
    assert table(kernel)[mine].endswith(" held")
    assert "<td" in shown["text/html"]


def test_workers_start_with_queues_and_processes_and_stop_by_name(kernel, mine):
    other = said(kernel, "start 1 -q gpu,cpu -c 2").removeprefix("started ").partition("@")[0]
    row = table(kernel)[other]
    assert "gpu, cpu" in row
    assert "0 of 2" in row

    assert said(kernel, f"stop {other}").startswith(f"ended {other}@")
    assert list(table(kernel)) == [mine]


def test_scale_grows_and_shrinks_and_a_busy_worker_goes_last(kernel, mine, held):
    kernel.ok("%workers scale 3")
    assert len(table(kernel)) == 3

    kernel.ok("%workers scale 1")
    assert list(table(kernel)) == [mine]
    assert "will end when what runs there has ended" in said(kernel, "scale 0")
    assert table(kernel)[mine].endswith("held, then it ends")

    held.touch()
    wait_until(lambda: not table(kernel), "it has ended")
    kernel.ok("%workers scale 1")


def test_the_log_of_a_worker_is_read_by_its_name(kernel, mine):
    assert f"INFO worker {mine}@" in said(kernel, f"log {mine}")
    assert len(said(kernel, f"log {mine} -n 1").splitlines()) == 1


def test_a_worker_that_is_not_there_is_told_with_the_nearest_name(kernel, mine):
    for line in ("log", "stop"):
        assert kernel.run(f"%workers {line} x{mine}").usage == (
            f"there is no worker 'x{mine}': did you mean {mine!r}?"
        )


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        ("startt 2", "%workers startt: there is no such command: did you mean 'start'?"),
        ("start many", "%workers start many: give a whole number, 64 at most"),
        ("start 1 -c 0", "--concurrency 0: from 1 to 64 tasks at a time"),
        ("scale", "%workers scale needs how many, and nothing else"),
        ("log", "%workers log needs a worker, and nothing else"),
        ("stop --al", "there is no option --al: did you mean '--any'?"),
    ],
)
def test_a_mistake_is_one_line(kernel, line, usage):
    assert kernel.run(f"%workers {line}").usage == usage


def test_the_tab_key_offers_words_and_workers(kernel, mine):
    kernel.ok(COMPLETE)
    for text, first in {
        "%workers st": "%workers start",
        f"%workers log {mine}": f"%workers log {mine}@",
        f"%%task x --on {mine}": f"%%task x --on {mine}@",
        "%workers stop --a": "%workers stop --any",
    }.items():
        assert first in kernel.ok(f"offered({text!r})").value


def test_a_worker_of_somebody_else_is_stopped_only_when_that_is_asked_for(kernel):
    kernel.ok("import subprocess, sys\nother = [sys.executable, '-m', 'nbtasks', 'worker']")
    kernel.ok("other = subprocess.Popen([*other, '-n', 'theirs', '-c', '1', '-l', 'error'])")
    wait_until(lambda: "theirs" in str(table(kernel)), "it is up")

    assert kernel.run("%workers stop theirs").usage == (
        "theirs was not started by this notebook: with --any it is stopped all the same"
    )
    assert said(kernel, "stop theirs --any") == "ended theirs"
    assert kernel.ok("other.wait(10)").value == "0"


def test_what_is_installed_is_compared_also_with_a_busy_worker(kernel, held, tmp_path):
    (tmp_path / "psutil-0.1.dist-info").mkdir()
    kernel.ok(f"import os, psutil\nfolder = {str(tmp_path)!r}")
    kernel.ok("path = os.pathsep.join([folder, *filter(None, [os.environ.get('PYTHONPATH')])])")
    kernel.ok("os.environ['PYTHONPATH'], before = path, os.environ.get('PYTHONPATH', '')")
    kernel.ok("%workers start 1")
    kernel.ok("os.environ['PYTHONPATH'] = before")

    (shown,) = kernel.ok("%workers check").displays
    lines = shown["text/plain"].splitlines()

    assert lines[0].endswith("packages compared with 2 workers: 1 differs")
    assert lines[2].startswith("psutil ")
    assert " 0.1 " in lines[2]
    assert lines[2].endswith("⚠ differs")
    held.touch()
    kernel.ok("%workers scale 1")


def test_a_cell_runs_on_the_worker_it_names(kernel, mine):
    other = said(kernel, "start 1").removeprefix("started ")
    shown = kernel.ok(f"%%task -b --on {other.partition('@')[0]}\nimport os\nos.getppid()")
    kernel.ok("from nbtasks import current_app\nthere = current_app().workers()")
    assert kernel.ok(f"[w.pid for w in there if w.name == {other!r}]").value == f"[{shown.value}]"
    assert f" · {other} · " in shown.displays[0]["text/html"]

    kernel.ok(f"%workers stop {other}")
    assert kernel.run(f"%%task --on {other}\n1").usage.startswith(f"there is no worker {other!r}")
    assert kernel.run(f"%%task --on {mine} -q x\n1").usage == (
        "--on and --queue both say where it runs: give one of them"
    )


def test_tasks_that_wait_for_a_worker_that_is_gone_are_counted(kernel):
    kernel.ok("from nbtasks import worker_direct, current_app")
    kernel.ok("%%task def away()\n1")
    kernel.ok("waits = away.apply_async(queue=worker_direct('gone@here'))")

    assert table(kernel)["gone"].endswith("1 task wait")
    kernel.ok("waits.revoke()")
    wait_until(lambda: "gone" not in table(kernel), "it was revoked")


def test_a_module_is_sent_along_and_again_after_an_edit(kernel, tmp_path):
    kernel.ok(f"from pathlib import Path\nmine = Path({str(tmp_path)!r}, 'words_of_mine.py')")
    for word in ("one", "two"):
        kernel.ok(f'mine.write_text("word = {word!r}")')
        assert said(kernel, f"sync {tmp_path}/words_of_mine.py").startswith("words_of_mine (1 file")
        assert kernel.ok("%%task -b\nimport words_of_mine\nwords_of_mine.word").value == repr(word)

    kernel.ok(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import words_of_mine")
    (shown,) = kernel.ok("%workers check").displays
    assert re.search("words_of_mine +a file of yours +sent along", shown["text/plain"])
    assert "has not changed" in said(kernel, f"sync {tmp_path}/words_of_mine")
    assert kernel.run(f"%workers sync {tmp_path}/words_of_min.py").usage.endswith(
        f"did you mean '{tmp_path}/words_of_mine.py'?"
    )


def test_a_kernel_that_is_killed_gets_new_workers_beside_a_url_and_the_old_finish(
    start_kernel, own_server, tmp_path
):
    kernel = start_kernel(NBTASKS_KEY="a key that only these tests know")
    kernel.ok(f"%broker {own_server.url} --start 1")
    go = hold(kernel, tmp_path)
    identity = kernel.ok("held.id").value

    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=20)
    kernel.ok("%load_ext nbtasks")
    kernel.ok(f"%broker {own_server.url}")
    wait_until(lambda: "then it ends" in str(table(kernel)), "the old worker has seen it")
    kernel.ok("%broker --start 1")
    assert len(table(kernel)) == 2
    assert kernel.ok("%%task -b\n1").value == "1"

    go.touch()
    kernel.ok("from nbtasks import current_app")
    assert kernel.ok(f"current_app().AsyncResult({identity}).get(20)").value == "7"
    wait_until(lambda: len(table(kernel)) == 1, "the old worker has ended")
