"""Tasks of classes: workers import them by name, as the tasks of a program."""
# ruff: noqa: ARG002, PLR0917 - handlers are called with what Celery calls them with

import os
from functools import cached_property
from pathlib import Path

from nbtasks import Task
from nbtasks.context import current_task

made = []


class Database(Task):
    """What Celery's guide has: one connection for each process."""

    max_retries = 1
    default_retry_delay = 0
    greeting = "hello"

    @cached_property
    def connection(self):
        made.append(os.getpid())
        return {"opened": len(made)}


class Told(Task):
    """Writes down what it is told."""

    name = "told"
    max_retries = 1
    default_retry_delay = 0
    autoretry_for = (KeyError,)

    def run(self, path, how="well"):
        self.note(path, "run", self.request.retries)
        if how == "well":
            return [how]
        raise {"key": KeyError, "value": ValueError}[how](how)

    def note(self, path, *words):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def before_start(self, task_id, args, kwargs):
        self.note(args[0], "before_start", task_id == self.request.id, kwargs)

    def on_success(self, retval, task_id, args, kwargs):
        self.note(args[0], "on_success", retval)
        raise RuntimeError("a handler that fails is only logged")

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.note(args[0], "on_failure", repr(exc), einfo.type is type(exc), "in run" in str(einfo))

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        self.note(args[0], "on_retry", repr(exc))

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        self.note(args[0], "after_return", status, retval, einfo is None)


class Loud(Task):
    """Stands around each call."""

    def __call__(self, *args):
        return ["loud", *self.run(*args)]


def opened(self):
    return self.connection["opened"], self.greeting, os.getpid()


def plain(x):
    return [x, current_task.get().request.task]
