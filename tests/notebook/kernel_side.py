"""Real kernels, each with an embedded server of its own, and what their cells show."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
from jupyter_client.manager import KernelManager
from patience import wait_until

from nbtasks.notebook.twin import CLASS, GONE

GRACE_S = 0.3
PATIENCE_S = 40.0
COMPLETE = """
from IPython.core.completer import provisionalcompleter
def offered(text):
    "What the completer has, as the whole text would read."
    with provisionalcompleter():
        found = get_ipython().Completer.completions(text, len(text))
        return [text[:each.start] + each.text for each in found]
"""
"""A cell after which `offered(text)` is what the Tab key offers there."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def private_environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a notebook that shares nothing with this user's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NBTASKS_")}
    return {
        **kept,
        "NBTASKS_HOME": str(folder / "home"),
        "NBTASKS_GRACE": str(GRACE_S),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **more,
    }


def users_of(home: str) -> list[psutil.Process]:
    """The processes that were started with this NBTASKS_HOME: server, keeper, workers, kernels."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("NBTASKS_HOME") == home:
                found.append(process)
    return found


def end_users_of(home: str) -> None:
    """End the workers of a home, and wait for its keeper; whatever stays is killed and told."""
    for process in users_of(home):
        with suppress(psutil.Error):
            if "worker" in process.cmdline():
                process.kill()  # it would let a task that runs come to its end
    try:
        wait_until(lambda: not users_of(home), "server and workers have ended", 15)
    except AssertionError:
        late = users_of(home)
        # A server hides its environment behind its title; its keeper's lock has its number.
        lock = Path(home) / "server" / "server.lock"
        if any("keeper.py" in " ".join(one.cmdline()) for one in late) and lock.exists():
            late.append(psutil.Process(int(lock.read_text().split()[0])))
        told = [" ".join(process.cmdline()) for process in late]
        for process in late:
            with suppress(psutil.Error):
                process.kill()
        raise AssertionError(f"these did not end: {told}") from None


@dataclass
class Shown:
    """What a cell showed: outputs as in a notebook, updated by display id."""

    status: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)

    def text(self, stream: str) -> str:
        """What it wrote to `stdout` or `stderr`."""
        return "".join(o["text"] for o in self.outputs if o.get("name") == stream)

    @property
    def value(self) -> str | None:
        """Its Out, as text."""
        found = [o["data"]["text/plain"] for o in self.outputs if o["type"] == "execute_result"]
        return found[0] if found else None

    @property
    def displays(self) -> list[dict[str, Any]]:
        """The data of what it displayed; a live widget together with the picture beside it."""
        found: list[dict[str, Any]] = []
        for data in (o["data"] for o in self.outputs if o["type"] == "display_data"):
            if CLASS in data.get("text/html", "") and found:
                found[-1] = {**found[-1], **data}
            elif data != GONE:
                found.append(data)
        return found

    @property
    def error(self) -> str:
        """The type of the exception that it ended with."""
        return next((o["ename"] for o in self.outputs if o["type"] == "error"), "")

    @property
    def traceback(self) -> str:
        """Its traceback without colours."""
        lines = [line for o in self.outputs if o["type"] == "error" for line in o["traceback"]]
        return _COLOURS.sub("", "\n".join(lines))

    @property
    def usage(self) -> str:
        """Its UsageError: one line."""
        assert not self.error, self.traceback
        assert self.status == "error"
        (line,) = [one for one in self.text("stderr").splitlines() if "UsageError" in one]
        return line.removeprefix("UsageError: ")


class Kernel:
    """A kernel and its client; `run` executes a cell to its end."""

    def __init__(self, folder: Path, kernel_name: str = "python3", **environment: str) -> None:
        # As Jupyter's server starts it for a notebook.
        found = {"JPY_SESSION_NAME": str(folder / "notebook.ipynb"), **environment}
        self.environment = private_environment(folder, **found)
        self.home = self.environment["NBTASKS_HOME"]
        self.manager = KernelManager(
            kernel_name=kernel_name, transport="ipc", ip=str(folder / "k"), owns_kernel=True
        )
        self.manager.start_kernel(env=self.environment, cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE_S)
        self.cells: dict[str, Shown] = {}
        self.places: dict[str, tuple[Shown, int]] = {}
        self.widgets: list[str] = []
        self.messages = 0

    def start(self, code: str) -> str:
        """Send a cell; its id."""
        message = self.client.execute(code)
        self.cells[message] = Shown()
        return message

    def run(self, code: str, seconds: float = PATIENCE_S) -> Shown:
        """Execute a cell and wait for its end."""
        return self.finish(self.start(code), seconds)

    def finish(self, message: str, seconds: float = PATIENCE_S) -> Shown:
        """Wait for the end of a cell."""
        shown = self.cells[message]
        wait_until(lambda: self.read() and shown.status, f"cell {message} has ended", seconds)
        reply = self.client.get_shell_msg(timeout=seconds)
        while reply["parent_header"].get("msg_id") != message:
            reply = self.client.get_shell_msg(timeout=seconds)
        shown.status = reply["content"]["status"]
        return shown

    def read(self) -> bool:
        """Take in what the kernel has published by now."""
        with suppress(Empty):
            while True:
                self._take(self.client.get_iopub_msg(timeout=0.01))
        return True

    def ok(self, code: str, seconds: float = PATIENCE_S) -> Shown:
        """Execute a cell that must not fail."""
        shown = self.run(code, seconds)
        assert shown.status == "ok", shown.traceback or shown.text("stderr")
        return shown

    def click(self, comm: str, content: Mapping[str, Any]) -> None:
        """Send what a click in a widget sends."""
        data = {"method": "custom", "content": content}
        session = self.client.session
        self.client.shell_channel.send(session.msg("comm_msg", {"comm_id": comm, "data": data}))

    def _take(self, message: Mapping[str, Any]) -> None:
        self.messages += 1
        kind, content = message["msg_type"], message["content"]
        shown = self.cells.get(message["parent_header"].get("msg_id", ""))
        if kind == "comm_open" and "whole" in content["data"].get("state", {}):
            self.widgets.append(content["comm_id"])
        identity = content.get("transient", {}).get("display_id", "")
        if kind == "update_display_data":
            if identity in self.places:
                where, at = self.places[identity]
                where.outputs[at]["data"] = content["data"]
        elif kind == "status" and shown is not None:
            if content["execution_state"] == "idle":
                shown.status = shown.status or "idle"
        elif kind in {"stream", "display_data", "execute_result", "error"} and shown is not None:
            if identity:
                self.places[identity] = shown, len(shown.outputs)
            shown.outputs.append({"type": kind, **content})

    def restart(self) -> None:
        """End the process of the kernel, and start another one in its place."""
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=PATIENCE_S)

    def close(self) -> None:
        """End the kernel and whatever it has started."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=False)
        self.manager.cleanup_resources()
        end_users_of(self.home)
