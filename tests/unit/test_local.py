"""Workers that end with who started them: their pipe closes, whatever else lives on."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from patience import wait_until

import nbtasks

STAND_IN = "import sys\nsys.stdin.read()\nprint('its pipe has closed', flush=True)"
STARTER = """
import os, signal
from nbtasks import local
from nbtasks.config import Config

config = Config(url="redis://nowhere", key=b"k" * 32)
(worker,) = local.start_beside(config, None, 1, queues=("default",))
child = os.fork()
if child == 0:
    signal.pause()
print(child, worker.log, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def starter(tmp_path):
    """A process that starts a stand-in for a worker, forks, and is killed."""
    package = tmp_path / "cwd" / "nbtasks"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN)
    (tmp_path / "starter.py").write_text(STARTER)
    found = subprocess.Popen(
        [sys.executable, tmp_path / "starter.py"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=package.parent,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(nbtasks.__file__).parents[1]),
            "NBTASKS_HOME": str(tmp_path / "home"),
        },
    )
    with closing(found.stdout):
        yield found


def test_a_forked_process_does_not_keep_the_pipe_of_a_worker_open(starter):
    child, log = starter.stdout.readline().split()
    try:
        assert starter.wait(10) == -signal.SIGKILL
        wait_until(lambda: "closed" in Path(log).read_text(), "the worker was told")
    finally:
        os.kill(int(child), signal.SIGKILL)
