"""Real workers, in processes of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from nbtasks.app import App

KEY = "a key that only the tests know"


class WorkerProcess:
    """A real worker in a process of its own."""

    def __init__(self, app: App, *options: str, log: Path, key: str = KEY) -> None:
        self.log = log
        self.app = app
        environment = {**os.environ, "NBTASKS_KEY": key}
        command = [sys.executable, "-m", "nbtasks", "worker", app.config.url, "-a", app.config.name]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *options],
                env=environment, stdout=output, stderr=output, cwd=log.parent, process_group=0,
            )  # fmt: skip
        self.pid = self.process.pid

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 15.0) -> int:
        """Ask it to finish; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def text(self) -> str:
        """What it has logged."""
        return self.log.read_text()
