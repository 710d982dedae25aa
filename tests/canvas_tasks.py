"""The tasks of the canvas table: their values say what they were called with, in which order."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbtasks
from nbtasks.app import App

Register = Callable[..., Any]


def _make_show() -> Callable[[Any], str]:
    # All that tasks use is made inside of functions: workers cannot import this file.
    def show(value: Any) -> str:
        """A value as the names of tasks show it: lists in brackets, exceptions after a mark."""
        if isinstance(value, (list, tuple)):
            items: Any = value
            return f"[{','.join(map(show, items))}]"
        return f"!{value}" if isinstance(value, BaseException) else str(value)

    return show


def make_tasks(app: App, folder: Path) -> SimpleNamespace:
    """The tasks on an app; those that note something write a line into `folder/notes`."""
    found = SimpleNamespace()

    def register(function: Callable[..., Any], **options: Any) -> Any:
        task = app.task(name=function.__name__, **options)(function)
        setattr(found, function.__name__, task)
        return task

    _add_plain(register)
    note = _note_into(str(folder / "notes"))
    _add_notes(register, note)
    _add_marks(register)
    _add_replacing(register, found.mark, found.fail)
    _add_more_replacing(register, found.mark, found.by_task)
    _add_adding(register, found.mark, found.fail)
    return found


def notes(folder: Path) -> list[str]:
    """What was noted so far, sorted."""
    path = folder / "notes"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def _add_plain(register: Register) -> None:
    def add(x: Any, y: Any) -> Any:
        return x + y

    def total(numbers: Iterable[int]) -> int:
        return sum(numbers)

    def same(value: Any) -> Any:
        return value

    def one_more(numbers: list[int]) -> int:
        numbers.append(1)
        return len(numbers)

    for function in (add, total, same, one_more):
        register(function)


def _add_marks(register: Register) -> None:
    """`mark("x", "a")` is `a(x)`; `fail` does not come so far; `flaky` only after some tries."""
    show = _make_show()

    def mark(*args: Any, **kwargs: Any) -> str:
        *before, name = args
        before += [f"{key}={value}" for key, value in sorted(kwargs.items())]
        return f"{name}({','.join(map(show, before))})" if before else name

    def fail(*args: Any) -> None:
        raise ValueError(args[-1])

    def odd(*args: str) -> str:
        if args[-1] in {"b", "d"}:
            raise ValueError(args[-1])
        return args[-1]

    async def amark(*args: Any) -> str:
        return mark(*args)

    def leave(*args: Any) -> None:
        raise SystemExit(args[-1])

    def flaky(self: Any, *args: Any) -> Any:
        times = args[-1]
        if self.request.retries < times:
            raise OSError(f"try {self.request.retries}")
        return mark(*args[:-1], f"try{self.request.retries}")

    for function in (mark, fail, odd, amark, leave):
        register(function)
    register(flaky, bind=True, max_retries=3, default_retry_delay=0.01)


def _note_into(path: str) -> Callable[[str], None]:
    def note(line: str) -> None:
        file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)

    return note


def _add_notes(register: Register, write: Callable[[str], None]) -> None:
    show = _make_show()

    def note(*args: Any) -> str:
        """A callback: `value a`, or `called` where it gets nothing."""
        write(f"value {show(args[0])}" if args else "called")
        return "noted"

    def eb(request: Any, error: BaseException, traceback: Any) -> None:  # noqa: ARG001
        """An errback that wants all: `error a`, or `ChordError`."""
        is_chord = type(error).__name__ == "ChordError"
        write("ChordError" if is_chord else f"error {error}")
        assert request.id

    def eb_id(task_id: str) -> None:
        """An errback of the old kind."""
        assert task_id
        write("id")

    def eb_word(request: Any, error: BaseException, traceback: Any, word: str) -> None:
        assert "ValueError" in traceback
        write(f"{word} {error}" if request.task == "fail" else request.task)

    def eb_bound(self: Any, request: Any, error: BaseException, _: Any) -> None:
        assert self.request.id != request.id
        write(f"{self.request.task} {error}")

    def eb_broken(_: Any, error: BaseException, __: Any) -> None:
        raise ValueError(f"broken by {error}")

    for function in (note, eb, eb_id, eb_word, eb_broken):
        register(function)
    register(eb_bound, bind=True)


def _add_replacing(register: Register, mark: Any, fail: Any) -> None:
    """Each is replaced by something, which gets what came before it."""

    def by_task(self: Any, *args: Any) -> Any:
        return self.replace(mark.s(*args, "r"))

    def by_chain(self: Any, *args: Any) -> Any:
        return self.replace(nbtasks.chain(mark.s(*args, "r"), mark.s("s")))

    def by_group(self: Any, *args: Any) -> Any:
        return self.replace(nbtasks.group(mark.s(*args, "r"), mark.s(*args, "s")))

    def by_chord(self: Any, *args: Any) -> Any:
        return self.replace(nbtasks.chord([mark.s(*args, "r"), mark.s("s")], mark.s("t")))

    def by_chain_to_group(self: Any, *args: Any) -> Any:
        return self.replace(
            nbtasks.chain(mark.s(*args, "r"), nbtasks.group(mark.s("s"), mark.s("t")))
        )

    def by_nothing(self: Any, *args: Any) -> Any:  # noqa: ARG001
        return self.replace(nbtasks.chain())

    def by_failure(self: Any, *args: Any) -> Any:  # noqa: ARG001
        return self.replace(fail.s("r"))

    functions = (by_task, by_chain, by_group, by_chord, by_chain_to_group, by_nothing, by_failure)
    for function in functions:
        register(function, bind=True)


def _add_more_replacing(register: Register, mark: Any, by_task: Any) -> None:
    def by_replaced(self: Any, *args: Any) -> Any:
        return self.replace(by_task.s(*args))

    async def areplaced(self: Any, *args: Any) -> Any:
        return self.replace(mark.s(*args, "r"))

    for function in (by_replaced, areplaced):
        register(function, bind=True)


def _add_adding(register: Register, mark: Any, fail: Any) -> None:
    """Each adds something to the chord that it is in."""

    def adds(self: Any, name: str) -> str:
        self.add_to_chord(mark.s(f"{name}1"))
        self.add_to_chord(mark.s(f"{name}2"))
        return name

    def adds_group(self: Any, name: str) -> str:
        self.add_to_chord(nbtasks.group(mark.s("p"), mark.s("q")))
        return name

    def adds_failure(self: Any, name: str) -> str:
        self.add_to_chord(fail.s(f"{name}1"))
        return name

    def adds_and_is_replaced(self: Any, name: str) -> Any:
        self.add_to_chord(mark.s(f"{name}1"))
        return self.replace(mark.s(f"{name}r"))

    def lonely(self: Any, name: str) -> str:
        try:
            self.add_to_chord(mark.s(name))
        except nbtasks.ConfigError:
            return "ConfigError"
        return "added"

    for function in (adds, adds_group, adds_failure, adds_and_is_replaced, lonely):
        register(function, bind=True)
