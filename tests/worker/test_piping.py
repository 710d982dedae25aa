"""What a task's processes and C libraries write is on its card, all of it, and on no other's."""

import asyncio
import os
import subprocess

import chores
import pytest
from patience import wait_until

pytestmark = pytest.mark.slow


def written(app, result):
    """What the store has of a task's output: (stream, text)."""
    found = []
    for part in app.store.log(result.id, 0):
        if found and found[-1][0] == part.stream:
            found[-1] = part.stream, found[-1][1] + part.text
        else:
            found.append((part.stream, part.text))
    return found


@pytest.mark.usefixtures("worker")
def test_output_of_processes_comes_in_order_with_what_the_task_prints(app):
    def run():
        for number in range(3):
            print("task", number)  # noqa: T201 - the task prints
            subprocess.run(["echo", "process", str(number)], check=True)
        os.system("echo err >&2")  # noqa: S605 - the task's own shell
        return os.system("exit 3")  # noqa: S605 - the task's own shell

    result = app.task(run).delay()
    assert os.waitstatus_to_exitcode(result.get(10)) == 3
    lines = "".join(f"task {n}\nprocess {n}\n" for n in range(3))
    assert written(app, result) == [("stdout", lines), ("stderr", "err\n")]


@pytest.mark.usefixtures("worker")
def test_output_of_a_process_is_seen_while_it_runs(app, tmp_path):
    script = f"echo begun; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo ended"
    result = app.task(lambda: subprocess.run(script, shell=True, check=True)).delay()  # noqa: S602
    wait_until(lambda: result.log == "begun\n", "its first line is there", 10)
    (tmp_path / "go").touch()
    result.get(10)
    assert result.log == "begun\nended\n"


def test_what_a_process_writes_after_its_task_is_in_no_log(app, worker, tmp_path):
    def leave_behind():
        script = f"echo mine; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo late"
        subprocess.Popen(["sh", "-c", script])

    def wait():
        (tmp_path / "go").touch()
        chores.hold(tmp_path, "a")

    first, second = app.task(leave_behind).delay(), app.task(wait)
    first.get(10)
    after = second.delay()
    wait_until(lambda: "late" in worker.text(), "it has gone on", 10)
    (tmp_path / "go-a").touch()
    after.get(10)
    assert (app.task(chores.noop).delay(1).get(5), after.log) == (1, "")
    assert "late" not in first.log


@pytest.mark.usefixtures("worker")
def test_the_end_of_what_a_process_wrote_is_there_when_its_task_has_ended(app):
    script = "for n in $(seq 2000); do echo line $n; done; echo the end"
    task = app.task(lambda: subprocess.run(script, shell=True, check=True) and None)  # noqa: S602
    for result in [task.delay() for _ in range(5)]:
        result.get(20)
        assert result.log.endswith("line 2000\nthe end\n")
        assert result.log.count("\n") == 2001


@pytest.mark.usefixtures("worker")
def test_what_c_prints_is_there_even_without_a_line_end(app):
    def run():
        import ctypes  # noqa: PLC0415 - in the task

        libc = ctypes.CDLL(None)
        libc.printf(b"from C\n")
        libc.printf(b"half a line")

    results = [app.task(run).delay() for _ in range(3)]
    for result in results:
        result.get(10)
        assert result.log == "from C\nhalf a line"


@pytest.mark.usefixtures("worker")
def test_forked_processes_and_given_streams_are_heard(app):
    def run():
        import multiprocessing  # noqa: PLC0415 - in the task
        import sys  # noqa: PLC0415 - in the task

        process = multiprocessing.get_context("fork").Process(target=print, args=("forked",))
        process.start()
        process.join()
        subprocess.run(["echo", "given"], check=True, stdout=sys.stdout, stderr=sys.stderr)

    result = app.task(run).delay()
    result.get(10)
    assert written(app, result) == [("stdout", "forked\ngiven\n")]


@pytest.mark.usefixtures("worker")
def test_each_of_many_coroutines_gets_what_its_own_processes_write(app):
    async def run(number):
        for _ in range(3):
            process = await asyncio.create_subprocess_exec("echo", str(number))
            await process.wait()

    results = app.task(run).map_async(range(20))
    results.get(20)
    for number, result in enumerate(results):
        assert result.log == f"{number}\n" * 3


@pytest.mark.usefixtures("worker")
def test_plain_tasks_and_coroutines_of_one_process_start_processes_at_once(app):
    async def wait(number):
        for _ in range(5):
            process = await asyncio.create_subprocess_exec("echo", str(number))
            await process.wait()

    def run(number):
        for _ in range(5):
            subprocess.run(["echo", f"plain {number}"], check=True)

    waited, ran = app.task(wait).map_async(range(10)), app.task(run).map_async(range(10))
    waited.get(30)
    ran.get(30)
    assert [result.log for result in waited] == [f"{number}\n" * 5 for number in range(10)]
    assert [result.log for result in ran] == [f"plain {number}\n" * 5 for number in range(10)]


@pytest.mark.usefixtures("worker")
def test_a_flood_from_a_process_is_bounded_and_its_end_is_kept(app):
    script = "yes | head -c 30000000; echo the end"
    result = app.task(lambda: subprocess.run(script, shell=True, check=True) and None).delay()  # noqa: S602
    result.get(30)
    assert result.log.endswith("y\nthe end\n")
    assert len(result.log) < 1_100_000
