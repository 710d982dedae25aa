"""Random canvases on a real worker come to what a model in plain Python foretells.

More of them: CANVAS_EXAMPLES=5000 pytest tests/worker/test_canvas_random.py --timeout 3600
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from canvas_case import is_at_rest
from canvas_checking import SECONDS, allowed, compare, compare_history, stories_of
from canvas_drawing import Example, examples
from canvas_making import Maker, in_words
from canvas_model import Seen, Story
from hypothesis import HealthCheck, given, settings
from patience import wait_until

from nbtasks.app import App
from nbtasks.errors import UnknownTask

pytestmark = [pytest.mark.usefixtures("shared_worker"), pytest.mark.slow]

NUMBER = int(os.environ.get("CANVAS_EXAMPLES", "80"))
OFTEN = settings(
    max_examples=NUMBER,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def maker(shared_app: App, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Makes canvases of tasks that note what they do."""
    return Maker(shared_app, tmp_path_factory.mktemp("history"))


@OFTEN
@given(example=examples())
def test_a_random_canvas_comes_to_what_the_rules_say(example: Example, maker: Maker) -> None:
    run_and_compare(example, maker)


@OFTEN
@given(example=examples(with_revokes=True))
def test_a_random_canvas_whose_tasks_are_revoked_ends_all_the_same(
    example: Example, maker: Maker
) -> None:
    run_and_compare(example, maker)


def run_and_compare(example: Example, maker: Maker) -> None:
    """Send a canvas, wait for the end of all of it, and look at everything."""
    stories = stories_of(example)
    maker.forget()
    app, run = maker.app, uuid.uuid4().hex[:8] if example.is_named else ""
    earlier: list[Any] = []
    for each in example.earlier:
        earlier.append(maker.make(each, run, earlier).apply_async())
    result = maker.make(example.spec, run, earlier).apply_async(example.args)
    if example.revoked:
        _revoke(example, maker, run)
    wait_until(lambda: is_at_rest(app), "every node has ended", SECONDS)
    for story, found in zip(stories, [*earlier, result], strict=True):
        compare(story.done, found)
    compare_history(stories, maker)
    if run:
        _compare_tasks(stories, app, run)
    assert not list(_left_behind(app))
    _clear(app)


def _revoke(example: Example, maker: Maker, run: str) -> None:
    app = maker.app
    wait_until(
        lambda: is_at_rest(app) or sum(maker.history().values()) >= example.after, "it goes on"
    )
    for number in example.revoked:
        with suppress(UnknownTask):  # it is sent by a task, and was not yet
            app.AsyncResult(f"{run}-t{number}").revoke()


def _compare_tasks(stories: list[Story], app: App, run: str) -> None:
    """How each task ended."""
    for story in stories:
        for name, seen in story.tasks.items():
            _compare_task(seen, app, f"{run}-{name}")


def _compare_task(seen: Seen, app: App, task_id: str) -> None:
    if app.store.call("EXISTS", app.store.keys.record(task_id)) == 0:
        assert seen.may_be_missing
        return
    found = app.AsyncResult(task_id)
    assert in_words(found.get(timeout=SECONDS, propagate=False)) in list(allowed(seen.ends))


def _left_behind(app: App) -> Iterator[str]:
    """Members that have not ended, and keys that nobody will ever remove."""
    call, prefix = app.store.call, app.store.keys.prefix
    for key in map(bytes.decode, call("KEYS", f"{prefix}*")):
        kind = key[len(prefix) :].split(":")[0]
        if kind == "s" and call("GET", key).upper() != call("GET", key):
            yield f"{key}: {call('GET', key)}"
        if kind not in {"wake", "fleet"} and call("PTTL", key) == -1:
            yield f"{key} stays for ever"


def _clear(app: App) -> None:
    call, prefix = app.store.call, app.store.keys.prefix
    keys = [key for kind in "rsgo" for key in call("KEYS", f"{prefix}{kind}:*")]
    if keys:
        call("UNLINK", *keys)
