"""A spec of the model -> a real canvas, of tasks that note what they do in a file."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from canvas_spec import FLAKY_TRIES, Chain, Chord, Group, Spec, Task

import nbtasks
from nbtasks.app import App
from nbtasks.errors import ChordError, TaskRevoked

Shown = tuple[str, str]
"""How the model shows a failure: its mark and its words."""


class Maker:
    """The tasks on an app, and canvases of them; `folder` is where they note what they do."""

    def __init__(self, app: App, folder: Path) -> None:
        self.app = app
        self._path = folder / "history"
        note = _note_into(str(self._path))
        self._tasks = {each.__name__: each for each in (*_plain(note), *_heard(note))}
        self._mark = app.task(name="mark")(self._tasks["mark"])
        self._fail = app.task(name="fail")(self._tasks["fail"])
        self._one = app.task(name="one")(self._tasks["one"])
        self._eb = app.task(name="eb")(self._tasks["eb"])
        self._cb = app.task(name="cb")(self._tasks["cb"])
        self._flaky = self._bound("flaky", max_retries=FLAKY_TRIES, default_retry_delay=0.005)
        self._becomes = self._bound("becomes")
        self._adds = self._bound("adds")

    def history(self) -> Counter[str]:
        """What was noted, and how often."""
        return Counter(self._path.read_text().splitlines() if self._path.exists() else ())

    def forget(self) -> None:
        """Begin a new history."""
        self._path.unlink(missing_ok=True)

    def make(self, spec: Spec, run: str, earlier: Sequence[Any] = ()) -> Any:
        """The canvas of a spec; tasks have the id `<run>-<name>`, or any where `run` is empty.

        Args:
            spec: The spec.
            run: What the ids of its tasks begin with.
            earlier: Results that tasks depend on.
        """
        match spec:
            case Task():
                made = self._task(spec, run, earlier)
            case Chain(steps=steps):
                made = nbtasks.chain(*[self.make(each, run, earlier) for each in steps])
            case Group(members=members):
                made = nbtasks.group([self.make(each, run, earlier) for each in members])
            case Chord(header=header, body=body):
                made = nbtasks.chord(
                    [self.make(each, run, earlier) for each in header],
                    self.make(body, run, earlier),
                )
        if spec.heard:
            made.link_error(self._eb.s(spec.heard))
        return made

    def _task(self, task: Task, run: str, earlier: Sequence[Any]) -> Any:
        depends = [] if task.depends is None else [earlier[task.depends]]
        inner = [self.make(each, run, earlier) for each in task.inner]
        match task.kind:
            case "map":
                made: Any = self._one.map([f"{task.name}{letter}" for letter in "abc"])
            case "replaced":
                made = self._becomes.s(*depends, inner[0], task.name)
            case "adds":
                made = self._adds.s(*depends, inner, task.name)
            case "flaky" | "hopeless":
                made = self._flaky.s(*depends, task.kind == "flaky", task.name)
            case "fail":
                made = self._fail.s(*depends, task.name)
            case _:
                made = self._mark.s(*depends, task.name)
        if task.immutable and task.kind != "map":
            made.set_immutable(True)
        if task.all_done:
            made.set(on_upstream="all_done")
        if task.linked:
            made.link(self._cb.si(task.linked))
        return made.set(task_id=f"{run}-{task.name}") if run else made

    def _bound(self, name: str, **options: Any) -> Any:
        return self.app.task(name=name, bind=True, **options)(self._tasks[name])


def in_words(value: Any) -> Any:
    """A value or an error as the model shows it."""
    if isinstance(value, list):
        items: list[Any] = value
        return [in_words(each) for each in items]
    if isinstance(value, ChordError):
        return "!!", _words(value.__cause__)
    return ("!", _words(value)) if isinstance(value, BaseException) else value


def _words(error: BaseException | None) -> str:
    return "revoked" if isinstance(error, TaskRevoked) else str(error)


def _note_into(path: str) -> Callable[[str], None]:
    # All that tasks use is made inside of functions: workers cannot import this file.
    def note(line: str) -> None:
        file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)

    return note


def _make_show() -> Callable[[Any], str]:
    def show(value: Any) -> str:
        if isinstance(value, list):
            items: Any = value
            return f"[{','.join(map(show, items))}]"
        if type(value).__name__ == "ChordError":
            return f"!!{show(value.__cause__)[1:]}"
        if type(value).__name__ == "TaskRevoked":
            return "!revoked"
        return f"!{value}" if isinstance(value, BaseException) else str(value)

    return show


def _plain(note: Callable[[str], None]) -> Sequence[Callable[..., Any]]:
    show = _make_show()

    def mark(*args: Any) -> str:
        *before, name = args
        note(f"run {name}")
        return f"{name}({','.join(map(show, before))})" if before else name

    def one(name: str) -> str:
        note(f"run {name[:-1]}")
        return name

    def fail(*args: Any) -> None:
        note(f"run {args[-1]}")
        raise ValueError(args[-1])

    def flaky(self: Any, *args: Any) -> str:
        *before, may_succeed, name = args
        if may_succeed and self.request.retries:
            return mark(*before, name)
        note(f"run {name}")
        raise OSError(name)

    def becomes(self: Any, *args: Any) -> Any:
        *before, canvas, name = args
        note(f"run {name}")
        return self.replace(canvas.clone(before))

    def adds(self: Any, *args: Any) -> str:
        *before, added, name = args
        for each in added:
            self.add_to_chord(each)
        return mark(*before, name)

    return mark, one, fail, flaky, becomes, adds


def _heard(note: Callable[[str], None]) -> Sequence[Callable[..., Any]]:
    def eb(request: Any, error: BaseException, traceback: Any, name: str) -> None:  # noqa: ARG001
        assert isinstance(error, BaseException)
        note(f"call {name}")

    def cb(name: str) -> None:
        note(f"call {name}")

    return eb, cb
