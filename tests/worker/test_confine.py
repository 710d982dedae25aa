"""What tasks are kept from: memory, rights, and the files of their worker."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import chores
import pytest
from patience import wait_until
from worker_side import children

from nbtasks import WorkerLost

MB = 1_000_000
GROUPS = [path for path in [Path("/sys/fs/cgroup/memory")] if os.access(path, os.W_OK)]
"""Where a test may make a control group of version 1; nowhere on most machines."""

CLOSES = """
import os, resource
from nbtasks.worker.descriptors import close_others
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
kept, *high = (os.dup2(1, number) for number in (7, 4095, 4096, 8000))
close_others(kept)
print(*sorted(os.listdir("/dev/fd")))
"""


def test_a_task_that_wants_too_much_memory_gets_an_error_and_its_process_lives_on(
    app, start_worker
):
    worker = start_worker("-c", "1", "--limit-memory", "400MB")
    before = children(worker)
    with pytest.raises(MemoryError) as caught:
        app.task(chores.swallow).delay(b"", 1000 * MB).get(10)
    assert "--limit-memory allows 400 MB" in caught.value.__notes__[0]
    assert len(app.task(chores.swallow).delay(b"a", 10 * MB).get(10)) == 10 * MB
    assert children(worker) == before


@pytest.mark.parametrize(
    ("options", "bit"), [(["--no-new-privs"], "1"), ([], "0")], ids=["forbidden", "allowed"]
)
def test_tasks_may_be_kept_from_new_rights(app, start_worker, options, bit):
    start_worker("-c", "1", *options)
    words = app.task(chores.read_words).delay("/proc/self/status").get(10)
    assert words[words.index("NoNewPrivs:") + 1] == bit


def test_a_worker_that_runs_as_root_says_so_once(app, start_worker):
    worker = start_worker("-c", "2")
    assert app.map(chores.noop, range(10)).get(10)
    assert worker.text().count("runs as root") == (os.geteuid() == 0)


@pytest.mark.usefixtures("worker")
def test_a_program_that_a_task_starts_has_no_file_of_the_worker(app):
    found = app.task(chores.files_of_a_program).delay().get(10)
    pipes = [name for name in found if name.startswith("pipe:")]
    assert len(pipes) == 2  # what it writes: its output to the task, its errors to the task's card
    assert set(found) == {"/dev/null", *pipes}


def test_a_process_keeps_no_file_however_many_there_were():
    found = subprocess.run(
        [sys.executable, "-c", CLOSES], capture_output=True, text=True, check=True
    )
    assert found.stdout.split()[:4] == ["0", "1", "2", "3"]  # the last is the list itself
    assert found.stdout.split()[4:] == ["7"]


@pytest.fixture
def small_worker(app, tmp_path, request):
    """A worker in a control group that has little memory."""
    group = request.param / f"nbtasks-{uuid.uuid4().hex[:8]}"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(200 * MB))
    command = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', group / "cgroup.procs", sys.executable]
    command += ["-m", "nbtasks", "worker", app.config.url, "-a", app.config.name, "-c", "2"]
    with (tmp_path / "log").open("wb") as log:
        key = app.config.key.decode()
        process = subprocess.Popen(command, env={**os.environ, "NBTASKS_KEY": key}, stderr=log)
    wait_until(app.workers, "the worker is up")
    yield process
    process.terminate()
    assert process.wait(10) == 0
    wait_until(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")
    group.rmdir()


@pytest.mark.parametrize("small_worker", GROUPS, indirect=True)
@pytest.mark.usefixtures("small_worker")
def test_a_process_that_the_kernel_ends_for_want_of_memory_is_called_so(app):
    beside = app.task(chores.sleep_ms).delay(1500)
    with pytest.raises(WorkerLost, match="by the kernel: its control group is out of memory"):
        app.task(chores.swallow).apply_async((b"", 1000 * MB), max_deliveries=1).get(10)
    assert beside.get(10)
    assert app.task(chores.noop).delay(1).get(10) == 1
