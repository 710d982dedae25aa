"""JupyterLab with a server of its own, and what a test does in it."""

import json
import socket
import subprocess
import sys
from contextlib import suppress

from kernel_side import end_users_of, private_environment
from patience import wait_until

SECONDS = 60_000
OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LabApp.news_url=",
    "--KernelManager.transport=ipc",
]
SETTINGS = {
    "apputils-extension/notification.jupyterlab-settings": {
        "checkForUpdates": False,
        "fetchNews": "false",
    },
    # Cells out of sight stay in the page, so that a test finds them.
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}
# What JupyterLab itself writes to the console, with nbtasks or without.
HARMLESS = [
    "Could not restore the debugger state: Canceled future",  # its kernel was shut down meanwhile
]

OPEN = """async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  const widget = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
  await widget.context.ready;
  await widget.sessionContext.ready;
  window.panel = widget;
}"""
RUN_ALL = 'window.jupyterapp.commands.execute("notebook:run-all-cells")'
SAVE = 'window.jupyterapp.commands.execute("docmanager:save")'


class Lab:
    """A Jupyter server of its own, with a folder of notebooks."""

    def __init__(self, folder):
        self.folder = folder
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        settings = folder / "settings"
        for name, content in SETTINGS.items():
            path = settings / "@jupyterlab" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        self.environment = private_environment(
            folder,
            JUPYTERLAB_SETTINGS_DIR=str(settings),
            JUPYTERLAB_WORKSPACES_DIR=str(folder / "workspaces"),
        )
        self.log = folder / "lab.log"
        command = [sys.executable, "-m", "jupyterlab", *OPTIONS, "--ServerApp.port=0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.notebooks, stdout=log, stderr=log
            )

    def url(self):
        """Where it listens, from the file that it writes for this."""
        wait_until(self.answers, "JupyterLab answers", 40)
        return self.facts()["url"]

    def answers(self):
        """Whether it takes connections: the file is there a little before."""
        with suppress(OSError), socket.create_connection(("localhost", self.facts()["port"])):
            return True
        return False

    def facts(self):
        """What it says of itself, once it runs."""
        for path in (self.folder / "runtime").glob("jpserver-*.json"):
            with suppress(ValueError):
                return json.loads(path.read_text())
        return {"port": 0}

    def add(self, name, cells):
        """Write a notebook."""
        found = [
            {
                "cell_type": "code",
                "id": f"c{at}",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": source,
            }
            for at, source in enumerate(cells)
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content = {
            "cells": found,
            "metadata": {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.notebooks / name).write_text(json.dumps(content))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
        end_users_of(self.environment["NBTASKS_HOME"])


def saved_html(path, words):
    """The outputs of a saved notebook whose HTML has these words; none may hold a live widget."""
    cells = json.loads(path.read_text())["cells"]
    outputs = [one["data"] for cell in cells for one in cell.get("outputs", []) if "data" in one]
    assert not any("application/vnd.jupyter.widget-view+json" in data for data in outputs)
    return [data for data in outputs if words in "".join(data.get("text/html", []))]


def run_cell(page, at):
    """Run one cell of the open notebook, and wait for its end."""
    page.evaluate(
        """async (at) => {
          panel.content.activeCellIndex = at;
          await window.jupyterapp.commands.execute("notebook:run-cell");
        }""",
        at,
    )


def restart_kernel(page):
    """Restart the kernel of the open notebook."""
    # JupyterLab lets go of its widgets at once; the last that it says of them may come after that.
    page.harmless.append("Comm not found for comm id")
    page.evaluate("panel.sessionContext.restartKernel()")


def set_theme(page, name):
    """Give JupyterLab another theme: `JupyterLab Light` or `JupyterLab Dark`."""
    page.evaluate(
        """(theme) => window.jupyterapp.commands.execute("apputils:change-theme", { theme })""",
        name,
    )
    is_light = str("Light" in name).lower()
    page.wait_for_selector(f'body[data-jp-theme-light="{is_light}"]', state="attached")
    page.wait_for_selector("#jupyterlab-splash", state="detached")  # it covers the notebook
