"""What live widgets cost a kernel: a real one, real workers, and a client that reads what it says.

Its processor time is that of the whole process: events from Redis, what they change, messages.
"""

import json
import statistics
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / each) for each in (".", "notebook")]

from kernel_side import Kernel
from servers import Server
from workers import KEY, WorkerProcess

from nbtasks.app import App
from nbtasks.clock import SystemClock

CROWD = 100_000
WIDGETS = 50
SECONDS = 10
SAID_EACH_MS = 250
CLOCK = SystemClock()

MEASURE = """
import json, time
from threading import Event
def measure(wait):
    began, used = time.monotonic(), time.process_time()
    count = wait()
    passed = time.monotonic() - began
    print(json.dumps([count, passed, time.process_time() - used]))
"""
LARGE = f"""
sleep = "import time; time.sleep(8e-5)"
get_ipython().run_cell_magic("task", "crowd --for n in range({CROWD})", sleep)
def crowd_ends():
    record = crowd.sent[0]
    while record.left > {0.95 * CROWD}:
        Event().wait(0.02)
    first = record.left
    while record.left > {0.05 * CROWD}:
        Event().wait(0.05)
    return first - record.left
measure(crowd_ends)
"""
MANY = f"""
body = '''import threading, time
from nbtasks.context import current_task
for step in range(100000):
    current_task.get().progress(step, 100000, f"{{time.time_ns() // 10**6}}")
    threading.Event().wait({SAID_EACH_MS} / 1000)'''
for at in range({WIDGETS}):
    get_ipython().run_cell_magic("task", f"many{{at}} -q slow", body)
"""
REST = f"measure(lambda: Event().wait({SECONDS}))"


class Watched(Kernel):
    """A kernel that notes when which message of a widget came."""

    def __init__(self, *arguments, **environment):
        self.told = []
        super().__init__(*arguments, **environment)

    def _take(self, message):
        super()._take(message)
        content = message["content"]
        if message["msg_type"] == "comm_msg" and content["data"].get("method") == "custom":
            size = sum(len(part) for part in message["buffers"])
            size += len(json.dumps(content["data"]))
            self.told.append((CLOCK.wall_ms(), content["comm_id"], content["data"], size))

    def measure(self, code):
        """What a cell counts, how many seconds it takes, and of the processor."""
        self.told.clear()
        return json.loads(self.ok(code, 120).text("stdout").splitlines()[-1])


@contextmanager
def open_kernel():
    """A kernel that is connected to a server with two workers: one is quick, one takes many."""
    with tempfile.TemporaryDirectory(prefix="nbwidgets-") as name:
        folder = Path(name)
        server = Server(folder, "--appendonly", "no")
        server.start()
        app = App("main", broker=server.url, key=KEY)
        options = [["-c", "2"], ["-c", str(WIDGETS), "--pool", "threads", "-Q", "slow"]]
        workers = [WorkerProcess(app, *each, log=folder / "workers.log") for each in options]
        kernel = Watched(folder, NBTASKS_KEY=KEY)
        kernel.ok(f"%load_ext nbtasks\n%broker {server.url}\n{MEASURE}", 60)
        yield kernel
        kernel.close()
        for worker in workers:
            worker.kill()
        app.close()
        server.kill()


def large(kernel):
    """A board of many tasks that end quickly."""
    count, passed, used = kernel.measure(LARGE)
    sizes = [size for *_, size in kernel.told]
    return {
        "ended a second": count / passed,
        "processor, %": 100 * used / passed,
        "messages a second": len(sizes) / passed,
        "kB a second": sum(sizes) / passed / 1e3,
    }


def idle(kernel):
    """A board on which nothing happens."""
    kernel.ok("get_ipython().run_cell_magic('task', 'waits -q nobody --for n in range(99)', 'n')")
    kernel.measure(REST)
    _, passed, used = kernel.measure(REST)
    found = {"messages": len(kernel.told), "processor, %": 100 * used / passed}
    kernel.ok("waits.revoke()")
    return found


def many(kernel):
    """Widgets whose tasks all say something, again and again."""
    kernel.measure(MANY + REST)
    _, passed, used = kernel.measure(REST)
    late = sorted(_latencies(kernel.told))
    found = {
        "processor, %": 100 * used / passed,
        "messages a second": len(kernel.told) / passed,
        "median late, ms": statistics.median(late),
        "p99 late, ms": late[int(0.99 * len(late))],
    }
    kernel.ok(f"for at in range({WIDGETS}): globals()[f'many{{at}}'].revoke(terminate=True)")
    return found


def _latencies(told):
    """How long each first change was not shown that a message brought."""
    shown = {}
    for at_ms, comm, data, _ in told:
        for row in data["content"].get("rows", ()):
            said = int(row["msg"].rpartition(" ")[2] or 0)
            if comm in shown and said > shown[comm]:
                yield at_ms - shown[comm] - SAID_EACH_MS
            shown[comm] = said or shown.get(comm, 0)


def measure_kernel():
    """All of it, by name."""
    with open_kernel() as kernel:
        return {
            "board of 100,000": large(kernel),
            "one that is idle": idle(kernel),
            "50 live widgets": many(kernel),
        }
