"""What random canvases have come to, beside what the model foretells: here and on workers."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from canvas_drawing import MOST_TASKS, Example
from canvas_making import Maker, in_words
from canvas_model import Ambiguous, Done, Ends, Story, Times, foretell
from canvas_spec import tasks_of
from hypothesis import reject

SECONDS: Final = 20.0


def stories_of(example: Example) -> list[Story]:
    """What is foretold of the canvases before, and then of this one."""
    if sum(1 for _ in tasks_of(example.spec)) > MOST_TASKS:
        reject()
    names = [f"t{number}" for number in example.revoked]
    found: list[Story] = []
    try:
        found += map(foretell, example.earlier)
        dones = [story.done for story in found]
        found.append(foretell(example.spec, example.args, revoked=names, earlier=dones))
    except Ambiguous:
        reject()
    return found


def compare(done: Done, result: Any) -> None:
    """The value, and every value in it."""
    got = result.get(timeout=SECONDS, propagate=False)
    _compare_value(done, in_words(got))
    if done.ends.fails and not result.successful():
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the next line looks
            result.get(timeout=SECONDS)
        assert in_words(caught.value)[1] in {fail.words for fail in done.ends.fails}


def _compare_value(done: Done, got: Any) -> None:
    if done.parts is None:
        assert got in list(allowed(done.ends))
        return
    assert len(got) == len(done.parts)
    for part, each in zip(done.parts, got, strict=True):
        _compare_value(part, each)


def allowed(ends: Ends) -> Iterator[Any]:
    """What may have come of it, in words."""
    if ends.may_succeed:
        yield ends.value
    for fail in ends.fails:
        yield "!!" if fail.chord else "!", fail.words


def compare_history(stories: list[Story], maker: Maker) -> None:
    """How often everything ran."""
    runs, calls = dict[str, Times](), dict[str, Times]()
    for story in stories:
        runs |= {f"run {name}": times for name, times in story.runs.items()}
        calls |= {f"call {name}": times for name, times in story.calls.items()}
    history = maker.history()
    told = runs | calls
    assert set(history) <= set(told)
    wrong = {
        name: (history[name], sorted(times.numbers))
        for name, times in told.items()
        if history[name] not in times.numbers
    }
    assert not wrong
