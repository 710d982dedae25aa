"""What is saved of a notebook: no output and no widget holds the password or the key."""

import json
import subprocess
import sys

import nbformat
import pytest
import redis
from kernel_side import private_environment
from servers import Server

CANARY = "canary-of-the-notebooks"

CELLS = [
    "%load_ext nbtasks",
    "%broker --start 1",
    "%%task -b first\nprint('words')\n1 + 1",
    "%%task many --for x in [1, 2]\nx",
    "many.get()",
    "%%task bad\n1 / 0",
    "bad.get(propagate=False)",
    "%tasks",
    "from nbtasks import current_app\ncurrent_app(), current_app().config",
    "%broker http://:CANARY@host",
    "%broker redis://:CANARY@127.0.0.1:1",
    "%broker --close",
]


class Locked(Server):
    """A server that wants a password."""

    def client(self):
        return redis.Redis.from_url(self.url, password=CANARY)


@pytest.fixture
def environment(tmp_path):
    """That of a kernel whose Redis has a password."""
    server = Locked(tmp_path, "--requirepass", CANARY, "--appendonly", "no")
    server.start()
    url = server.url.replace("unix://", f"unix://:{CANARY}@")
    yield private_environment(tmp_path, NBTASKS_URL=url, NBTASKS_KEY=CANARY)
    server.kill()


RUN = """
import sys, tempfile
import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
notebook = nbformat.reads(sys.stdin.read(), as_version=4)
with tempfile.TemporaryDirectory() as folder:
    manager = AsyncKernelManager(transport="ipc", ip=folder + "/k")
    NotebookClient(notebook, timeout=60, km=manager, allow_errors=True).execute()
print(nbformat.writes(notebook))
"""


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_saved_notebook_holds_no_secret(environment, tmp_path):
    cells = [nbformat.v4.new_code_cell(text.replace("CANARY", CANARY)) for text in CELLS]
    notebook = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(
        command, input=notebook, env=environment, cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    saved = nbformat.reads(done.stdout, as_version=4)
    for cell in saved.cells:
        del cell["source"]  # what the user has written is the user's
    text = json.dumps(saved)
    assert all(word in text for word in ("words", "ZeroDivisionError", "cannot be reached"))
    assert CANARY not in text + done.stderr
