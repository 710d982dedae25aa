"""What a task displays goes to its card: figures, tables and updates, in order with its text."""

import json

import chores
import pytest
from patience import wait_until


def kept(app, result):
    """What the store has of a task's output: (stream, text), a display as (id, kinds)."""
    found = []
    for part in app.store.log(result.id, 0):
        if part.stream == "display":
            head, _, body = part.text.partition("\n")
            found.append((head, json.loads(body) if body else {}))
        elif found and found[-1][0] == part.stream:
            found[-1] = part.stream, found[-1][1] + part.text
        else:
            found.append((part.stream, part.text))
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_text_and_displays_come_in_order(app):
    def run():
        from IPython.display import HTML, display  # noqa: PLC0415 - in the task

        print("first")  # noqa: T201 - the task prints
        display(HTML("<b>table</b>"), display_id="mine")
        print("second")  # noqa: T201 - the task prints
        display(HTML("<i>new</i>"), display_id="mine", update=True)

    result = app.task(run).delay()
    result.get(20)
    first, table, second, update = kept(app, result)
    assert (first, second) == (("stdout", "first\n"), ("stdout", "second\n"))
    assert (table[0], table[1]["text/html"]) == ("smine", "<b>table</b>")
    assert (update[0], update[1]["text/html"]) == ("umine", "<i>new</i>")
    assert result.log == "first\nsecond\n"


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_figures_are_shown_where_they_are_left_open_and_not_in_the_next_task(app):
    def draw(fails):
        import matplotlib.pyplot as plt  # noqa: PLC0415 - in the task

        plt.figure(figsize=(1, 1))
        plt.plot([1, 2])
        if fails:
            raise ValueError("after the plot")

    task = app.task(draw)
    failed, done = task.delay(True), app.task(chores.noop)  # noqa: FBT003 - a task's argument
    with pytest.raises(ValueError, match="after"):
        failed.get(30)
    after = done.delay(1)
    after.get(10)
    ((head, kinds),) = kept(app, failed)
    assert (head, kinds["image/png"][:5]) == ("s", "iVBOR")
    assert not kept(app, after)


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_what_is_too_large_is_told(app):
    def run():
        from IPython.display import HTML, display  # noqa: PLC0415 - in the task

        display(HTML("<p>" + "x" * 600_000))

    result = app.task(run).delay()
    result.get(20)
    ((_, kinds),) = kept(app, result)
    assert list(kinds) == ["text/plain"]
    assert kinds["text/plain"].startswith("[text/html of 0.6 MB is left out]")


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_nothing_of_jupyter_is_loaded_before_a_task_displays(app):
    def loaded():
        import sys  # noqa: PLC0415 - in the task

        return sorted({"IPython", "matplotlib", "traitlets"} & sys.modules.keys())

    assert app.task(loaded).delay().get(10) == []


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_a_flood_of_displays_is_bounded_and_says_what_was_dropped(app):
    def run():
        from IPython.display import HTML, display  # noqa: PLC0415 - in the task

        for number in range(500):
            display(HTML(f"<p>{number}" + "x" * 100_000))
        return "returned"

    result = app.task(run).delay()
    assert result.get(30) == "returned"
    output = result.records[0].output[0]
    wait_until(lambda: "<p>499" in output.parts[-1][1][:200], "the last one is there")
    assert output.displayed <= 1_000_000
    assert output.dropped_displays + sum(part[0] == "display" for part in output.parts) == 500
    assert " dropped …" in result.log
