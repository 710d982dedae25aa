"""How fast an archive takes in what it is told: tasks a second of processor time, in SQLite.

Run it on its own: `python tests/benchmarks/bench_archive.py`.
"""

import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "worker")]

from patience import wait_until  # noqa: E402 - it is beside the tests
from servers import Server  # noqa: E402
from workers import KEY, WorkerProcess  # noqa: E402

from nbtasks.app import App  # noqa: E402

MEMBERS = 20_000
SINGLE = 5000


def echo(value):
    """Give it back."""
    return value


def measure(app, folder):
    """Run tasks while nobody feeds the archive, and then feed it."""
    archive = app.archive(f"sqlite:///{folder}/runs.db")
    archive.catch_up()
    task = app.task(name="echo")(echo)
    for what, count in (("members of a group", MEMBERS), ("single tasks", SINGLE)):
        if count == MEMBERS:
            task.map_async(range(count)).get(60)
        else:
            for result in [task.delay(number) for number in range(count)]:
                result.get(60)
        before = time.process_time()
        archive.catch_up()
        print(f"{what:20} {count / (time.process_time() - before):10,.0f} a second of processor")
    assert sum(archive.counts().values()) == MEMBERS + SINGLE
    archive.close()


def main():
    """Measure, on a server and a worker of its own."""
    with tempfile.TemporaryDirectory(prefix="nbtasks-bench-") as name:
        folder = Path(name)
        server = Server(folder, "--appendonly", "no")
        server.start()
        app = App("bench", broker=server.url, key=KEY)
        worker = WorkerProcess(app, "-c", "2", log=folder / "worker.log")
        try:
            wait_until(app.workers, "the worker has come up")
            measure(app, folder)
        finally:
            worker.kill()
            app.close()
            server.kill()


if __name__ == "__main__":
    main()
