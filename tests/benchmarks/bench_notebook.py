"""How long a notebook waits for us: the import, `%load_ext`, and a cell that is sent.

Each in a process of its own, the best of ten, as time that passes and as time of the processor:
the latter is less at the mercy of whatever else runs.

    python tests/benchmarks/bench_notebook.py
"""

import json
import os
import subprocess
import sys
import tempfile

ROUNDS = 10
CELLS = 50

LOAD = """
import json, time
import ipykernel.ipkernel, ipykernel.zmqshell  # what a kernel has loaded already
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
marks = [(time.perf_counter(), time.process_time())]
def mark(): marks.append((time.perf_counter(), time.process_time()))
import nbtasks
mark()
shell.run_line_magic("load_ext", "nbtasks")
mark()
"""
SEND = """
shell.run_line_magic("broker", "--start 1")
shell.user_ns["x"] = list(range(100))
cell = "y = sum(x)\\ny + 1\\n"
for _ in range(5):
    shell.run_cell_magic("task", "--quiet -q nobody", cell)
mark()
for _ in range(CELLS):
    shell.run_cell_magic("task", "--quiet -q nobody", cell)
mark()
"""
TELL = """
print(json.dumps([[b - a for a, b in zip(*pair)] for pair in zip(marks, marks[1:])]))
"""


def run(source: str, home: str) -> list[list[float]]:
    """Seconds and processor seconds between the marks of a program."""
    environment = {**os.environ, "NBTASKS_HOME": home, "IPYTHONDIR": home, "NBTASKS_GRACE": "0.3"}
    command = [sys.executable, "-W", "ignore", "-c", source + TELL]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(said.stdout.splitlines()[-1])


def best(found: list[list[list[float]]], at: int) -> tuple[float, float]:
    """The best of both times of a step, in ms."""
    return min(one[at][0] for one in found) * 1e3, min(one[at][1] for one in found) * 1e3


def main() -> None:
    """Print one line for each."""
    with tempfile.TemporaryDirectory() as home:
        loads = [run(LOAD, home) for _ in range(ROUNDS)]
        *_, sent = run(LOAD + SEND.replace("CELLS", str(CELLS)), home)
    rows = {
        "import nbtasks": best(loads, 0),
        "%load_ext nbtasks": best(loads, 1),
        "%%task, sent": (sent[0] * 1e3 / CELLS, sent[1] * 1e3 / CELLS),
    }
    for name, (wall_ms, cpu_ms) in rows.items():
        print(f"{name:20} {wall_ms:8.1f} ms {cpu_ms:8.1f} ms of the processor")


if __name__ == "__main__":
    main()
