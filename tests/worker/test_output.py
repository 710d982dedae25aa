"""What tasks print and how far they are: merged, in order, and never in the way."""

import random
import signal

import chores
import pytest
from patience import wait_until
from worker_side import children

from nbtasks.clock import SystemClock


@pytest.mark.usefixtures("worker")
def test_print_order_is_kept_and_stdout_and_stderr_are_told_apart(app):
    chance = random.Random(5)  # noqa: S311 - a test's choices
    parts = [(chance.choice(["out", "err"]), f"{number}\n") for number in range(500)]
    result = app.task(chores.tell).delay(parts)
    assert result.get(5) == 500
    assert result.log == "".join(text for _, text in parts)
    names = {"out": "stdout", "err": "stderr"}
    kept = app.store.log(result.id, 0)
    for stream, name in names.items():
        written = "".join(text for which, text in parts if which == stream)
        assert "".join(part.text for part in kept if part.stream == name) == written


def test_nothing_that_a_task_writes_reaches_the_workers_own_terminal(app, worker):
    result = app.task(chores.tell).delay([("out", "secret one\n"), ("err", "secret two\n")])
    result.get(5)
    logged = app.task(chores.log).delay("secret three")
    logged.get(5)
    assert "secret" not in worker.text()
    assert "secret three" in logged.log


@pytest.mark.parametrize("text", ["a file called \udce4.txt\n", "a\x1eb\n", "\x00", "é😀\n"])
def test_any_text_may_be_printed(app, worker, text):
    result = app.task(chores.tell).delay([("out", text)])
    assert result.get(5) == 1
    assert worker.process.poll() is None
    assert result.log.strip("\n")


@pytest.mark.usefixtures("worker")
def test_a_string_subclass_may_be_printed(app):
    class Loud(str):
        __slots__ = ()

        def __radd__(self, other):
            return Loud(str(other) + str(self))

    result = app.task(lambda: print(Loud("loud"))).delay()  # noqa: T201 - the task prints
    result.get(5)
    assert result.log == "loud\n"


@pytest.mark.slow
def test_huge_output_does_not_block_and_its_end_is_kept(app, worker):
    result = app.task(chores.print_much).delay(5)
    assert result.get(10) == "returned"
    assert result.log.endswith("megabyte 4\nthe end\n")
    assert app.task(chores.tell).delay([("out", "x")]).get(5) == 1
    assert children(worker)


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_progress_is_reported_about_ten_times_a_second_and_the_last_one_arrives(app, server):
    @app.task(bind=True)
    def count(self, ms):
        clock = SystemClock()
        end = clock.tick_ms() + ms
        calls = 0
        while clock.tick_ms() < end:
            calls += 1
            self.progress(calls, None)
            print(calls)  # noqa: T201 - the task prints
        self.progress(calls, calls, "done")
        return calls

    app.task(chores.noop).delay(1).get(5)
    sent = "cmdstat_xadd"
    with server.client() as client:
        before = client.info("commandstats")[sent]["calls"]
        result = count.delay(1500)
        calls = result.get(10)
        reports = client.info("commandstats")[sent]["calls"] - before
    assert calls > 1000
    assert reports <= 1.5 * 11 + 5
    assert (result.progress.current, result.progress.total) == (calls, calls)
    assert result.progress.message == "done"


@pytest.mark.usefixtures("worker")
def test_progress_of_numpy_numbers_arrives_as_numbers(app):
    numpy = pytest.importorskip("numpy")

    @app.task(bind=True)
    def count(self, total):
        self.progress(total // 2, total)

    result = count.delay(numpy.int64(10))
    result.get(10)
    wait_until(lambda: result.progress, "the report is there")
    assert result.progress.fraction == 0.5


@pytest.mark.usefixtures("worker")
def test_a_first_line_is_seen_at_once_while_the_task_runs_on(app, tmp_path):
    folder = str(tmp_path)

    def run():
        print("hello")  # noqa: T201 - the task prints
        return chores.hold(folder, "a")

    result = app.task(run).delay()
    wait_until(lambda: result.log == "hello\n", "the line is there", 2)
    (tmp_path / "go-a").touch()
    result.get(5)


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_a_signal_handler_that_prints_does_not_hang_a_task_that_prints(app):
    def run():
        ticks = []

        def tick(*_):
            ticks.append(1)
            print("tick")  # noqa: T201 - the task prints

        signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
        try:
            for number in range(30_000):
                print("task", number)  # noqa: T201 - the task prints
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return len(ticks)

    assert app.task(run).delay().get(20) > 3
    assert app.task(chores.noop).delay(2).get(5) == 2
