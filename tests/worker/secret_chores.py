"""Tasks that look for secrets."""

import subprocess
import sys

from nbtasks.app import App


def environment_of_a_program(_):
    """All variables that a program gets which a task starts."""
    code = "import os; print(dict(os.environ))"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def knows_its_app(name):
    """Whether an app that a task makes has URL and key, and how many workers it sees."""
    app = App(name)
    return [bool(app.config.url), bool(app.config.key), len(app.workers())]
