"""A row of the canvas table, and how it is judged: in this process and on real workers.

`value` is what `get()` returns; or `error` is what it raises (of several: one of them), and `chord`
says that `result` is a `ChordError` then; or it is `ignored`, as nothing has called for it. `notes`
is what callbacks and errbacks wrote, sorted; None where the order of things decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

import nbtasks
from nbtasks.app import App
from nbtasks.errors import ChordError

Tasks = SimpleNamespace
Build = Callable[[Tasks], Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A canvas, how it is sent, and what is to come of it."""

    name: str
    build: Build
    value: Any = None
    error: str | Sequence[str] = ()
    chord: bool = False
    ignored: bool = False
    notes: Sequence[str] | None = ()
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])


def judge(case: Case, result: Any, timeout: float = 30.0) -> None:
    """Check what a canvas has come to; `result` is what `apply_async` or `apply` returned."""
    if result is None:
        assert case.value is None
        assert not case.error
        return
    if case.error:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the next line looks
            result.get(timeout=timeout)
        assert in_words(caught.value) in errors_of(case)
        _judge_failure(case, result)
    else:
        assert result.get(timeout=timeout) == case.value
        assert result.successful() != case.ignored
        assert result.get(timeout=timeout) == case.value  # and again


def errors_of(case: Case) -> Sequence[str]:
    return [case.error] if isinstance(case.error, str) else case.error


def is_at_rest(app: App) -> bool:
    """Whether all that was sent has ended, errbacks too: what has not needs its code."""
    keys = [app.store.keys.prefix + name for name in ("refs", "lease", "spread", "sched")]
    return app.store.call("EXISTS", *keys) == 0


def in_words(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}"


def _judge_failure(case: Case, result: Any) -> None:
    assert result.failed()
    if case.chord:
        assert isinstance(result.result, ChordError)
        assert in_words(result.result.__cause__) in errors_of(case)
        assert isinstance(result.get(propagate=False), ChordError)


def m(t: Tasks, *args: Any, **kwargs: Any) -> Any:
    """A task that says what it got: `m(t, "a")` after `x` is `a(x)`."""
    return t.mark.s(*args, **kwargs)


def f(t: Tasks, name: str) -> Any:
    """A task that raises ValueError with its name."""
    return t.fail.s(name)


def chain(*tasks: Any) -> Any:
    return nbtasks.chain(*tasks)


def group(*tasks: Any) -> Any:
    return nbtasks.group(*tasks)


def chord(header: Any, body: Any) -> Any:
    return nbtasks.chord(header, body)


def ms(t: Tasks, names: str) -> list[Any]:
    """A task for each letter."""
    return [m(t, name) for name in names]
