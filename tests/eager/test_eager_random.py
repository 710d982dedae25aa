"""Random canvases that run in this process come to what a model in plain Python foretells.

More of them: CANVAS_EXAMPLES=5000 pytest tests/eager/test_eager_random.py --timeout 3600
"""

import os
import uuid
from typing import Any

import pytest
from canvas_checking import compare, compare_history, stories_of
from canvas_drawing import Example, examples
from canvas_making import Maker
from eager_side import make_eager_app
from hypothesis import HealthCheck, given, settings

from nbtasks.states import is_finished

OFTEN = settings(
    max_examples=int(os.environ.get("CANVAS_EXAMPLES", "80")),
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Makes canvases of tasks that note what they do."""
    return Maker(make_eager_app(task_always_eager=True), tmp_path_factory.mktemp("history"))


@pytest.mark.slow
@OFTEN
@given(example=examples())
def test_a_random_canvas_comes_to_what_the_rules_say(example: Example, maker: Maker) -> None:
    stories = stories_of(example)
    maker.forget()
    run = uuid.uuid4().hex[:8] if example.is_named else ""
    earlier: list[Any] = []
    for each in example.earlier:
        earlier.append(maker.make(each, run, earlier).apply_async())
    result = maker.make(example.spec, run, earlier).apply_async(example.args)
    for story, found in zip(stories, [*earlier, result], strict=True):
        compare(story.done, found)
        assert all(is_finished(code) for record in found.canvas.records for code in record.states)
    compare_history(stories, maker)
