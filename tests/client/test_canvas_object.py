"""What a client says of a canvas it has sent: what follows what, how far it is, how it looks."""

import re
import xml.etree.ElementTree as ET

import pytest

from nbtasks import AsyncResult, GroupResult
from nbtasks.live import LiveRecord
from nbtasks.plan import All, Many, Node, One, Role, Rule
from nbtasks.result import make_result
from nbtasks.states import TaskState


class Sent:
    """load | group(fit * 3, each then score) | merge, with a callback, an errback of all, and a
    result of the whole; nothing of it is in Redis."""

    def __init__(self, app):
        self.app = app
        load = self.load = self.node("load")
        fit = self.fit = self.node("fit", 3, after=One(load), group_id="g1")
        score = self.score = self.node("score", 3, each=fit)
        header = Many((All(score),), "g1", One(load))
        self.merge = self.node("merge", after=header, is_chord=True)
        self.notify = self.node("notify", after=One(self.merge), role=Role.CALLBACK)
        watched = Many((One(load), One(self.merge)))
        self.sorry = self.node("sorry", after=watched, role=Role.ERRBACK, rule=Rule.ONE_FAILED)
        nodes = [load, fit, score, self.merge, self.notify, self.sorry]
        self.lives = {
            node: LiveRecord(f"{node.task.name}-id", len(node.calls), node.task.name)
            for node in nodes
        }
        self.result = make_result(app, One(self.merge, 0, header), self.lives)

    def node(self, name, count=1, **fields):
        return Node(task=self.app.task(len, name=name), calls=[((), {})] * count, **fields)

    def end(self, node, states, *, first=0, at_ms=5000):
        record = self.lives[node]
        record.finish(first, states, [b""] * len(states), "w", at_ms)

    def ran(self, node, index, ms):
        """A member ran for so long, up to now."""
        now = self.app.clock.wall_ms()
        self.lives[node].begin(index, "w", now - ms)
        self.end(node, b"S", first=index, at_ms=now)


@pytest.fixture
def sent(app):
    return Sent(app)


def ids(results):
    return [result.id for result in results]


def test_the_children_of_a_task_are_what_comes_after_it(sent):
    load = AsyncResult(sent.app, sent.lives[sent.load], canvas=sent.result.canvas)
    (group,) = load.children
    assert isinstance(group, GroupResult)
    assert (group.id, ids(group)) == ("g1", ["fit-id-0", "fit-id-1", "fit-id-2"])
    assert ids(group[1].children) == ["score-id-1"]
    assert ids(group[1].children[0].children) == ["merge-id"]
    assert ids(sent.result.children) == ["notify-id"]


def test_a_member_of_a_group_of_chains_knows_the_step_before_it(sent):
    header = sent.result.parent
    assert ids(header) == ["score-id-0", "score-id-1", "score-id-2"]
    assert header[2].parent.id == "fit-id-2"
    assert header[2].parent.parent is None
    assert header.parent.id == "load-id"
    assert sent.result.root.id == "load-id"


def test_the_graph_reaches_the_body_of_a_chord_from_the_root(sent):
    graph = sent.result.root.graph
    names = {result.id: ids(after) for result, after in graph.items()}
    assert names["load-id"] == ["g1"]
    assert names["score-id-0"] == ["merge-id"]
    assert names["notify-id"] == []
    assert "sorry-id" not in names
    assert len([pair for pair in sent.result.root.iterdeps() if pair[1].id == "merge-id"]) == 3


def test_the_forecast_counts_and_finds_what_holds_it_up(sent):
    sent.ran(sent.load, 0, 1000)
    sent.ran(sent.fit, 0, 4000)
    found = sent.result.canvas.forecast
    assert (found.total, found.done, found.failed) == (9, 2, 0)
    assert found.critical == ("fit", "score", "merge", "notify")
    # fit as measured; score, merge and notify as long as the mean of the two names.
    assert found.critical_s == pytest.approx(4 + 3 * 2.5)
    assert found.rest_s == pytest.approx(2 * 4 + 5 * 2.5)
    assert found.fraction == pytest.approx(2 / 9)


def test_what_a_running_task_has_done_is_taken_off(sent):
    sent.ran(sent.load, 0, 1000)
    sent.ran(sent.fit, 0, 4000)
    sent.end(sent.fit, b"S", first=1)
    sent.lives[sent.fit].begin(2, "w", sent.app.clock.wall_ms() - 1500)
    found = sent.result.canvas.forecast
    assert found.running == 1
    assert found.critical_s == pytest.approx(0.5 + 3 * 1.5, abs=0.2)


def test_a_forecast_of_nothing_measured_gives_no_time(sent):
    found = sent.result.canvas.forecast
    assert (found.critical_s, found.rest_s) == (None, None)
    assert found.critical == ("load", "fit", "score", "merge", "notify")


def test_a_canvas_that_has_ended_holds_nothing_up(sent):
    for node, record in sent.lives.items():
        sent.end(node, b"S" * record.n)
    found = sent.result.canvas.forecast
    assert (found.fraction, found.critical, found.rest_s) == (1.0, (), 0.0)


def test_it_is_printed_as_a_list_with_states(sent):
    sent.end(sent.load, b"S")
    sent.end(sent.fit, b"SF")
    lines = str(sent.result.canvas).splitlines()
    assert lines[0] == "✔ load  SUCCESS"
    assert lines[1] == "✘ fit ×3  1 FAILURE, 1 PENDING, 1 SUCCESS  after load"
    assert lines[4] == "· notify (callback)  PENDING  after merge"
    assert lines[5] == "· sorry (errback)  PENDING  after load and 1 more"
    assert repr(sent.result.canvas) == "<Canvas of 9 tasks, 3 done>"


def texts(svg):
    root = ET.fromstring(svg)  # noqa: S314 - our own
    return [each.text for each in root.iter() if each.tag.endswith("}text")]


def test_its_drawing_is_the_same_each_time_and_says_each_state(sent):
    sent.end(sent.load, b"S")
    sent.end(sent.fit, b"SF")
    svg = sent.result.visualize().svg
    assert svg == sent.result.canvas._repr_svg_()
    assert texts(svg)[:4] == ["load", "SUCCESS", "fit", "×3 · 2 done · 1 failed"]
    assert 'aria-label="Canvas of 10 tasks. 1 FAILURE, 7 PENDING, 2 SUCCESS"' in svg


def test_a_drawing_is_saved(sent, tmp_path):
    drawing = sent.result.visualize()
    drawing.save(tmp_path / "canvas.svg")
    assert (tmp_path / "canvas.svg").read_text("utf-8") == drawing._repr_svg_()


def test_names_cannot_break_out_of_a_drawing(app):
    record = LiveRecord("r", 1, "<script>\"'&")
    svg = app.canvas_of([record]).visualize().svg
    assert "<script" not in svg
    assert texts(svg)[0] == "<script>\"'&"


def test_what_no_xml_may_have_is_replaced_in_a_drawing(app):
    svg = app.canvas_of([LiveRecord("r", 1, "a\x00\x1bb\ud800c")]).visualize().svg
    assert texts(svg.encode())[0] == "a\ufffd\ufffdb\ufffdc"


def test_many_tasks_of_a_kind_are_one_box(app):
    task = app.task(len, name="fit")
    first = [Node(task=task, calls=[((), {})]) for _ in range(100)]
    then = [Node(task=task, calls=[((), {})], after=One(node)) for node in first]
    lives = {node: LiveRecord(f"r{at}", 1, "fit") for at, node in enumerate([*first, *then])}
    result = make_result(app, Many(tuple(One(node) for node in then)), lives)
    assert texts(result.visualize().svg) == ["fit", "×100 · 0 done"] * 2


def test_what_is_too_long_to_draw_is_counted(app):
    task = app.task(len, name="step")
    nodes = [Node(task=task, calls=[((), {})])]
    for _ in range(999):
        nodes.append(Node(task=task, calls=[((), {})], after=One(nodes[-1])))
    lives = {node: LiveRecord(f"r{at}", 1, "step") for at, node in enumerate(nodes)}
    svg = make_result(app, One(nodes[-1]), lives).visualize().svg
    assert texts(svg)[-2] == "700 more"
    assert len(re.findall("<rect", svg)) == 301


def test_a_callback_is_called_when_the_task_ends(app):
    record = LiveRecord("r", 3, "f")
    group, told = GroupResult(app, [record]), []
    for result in group:
        result.then(lambda each: told.append((each.id, each.state)), lambda _: told.append("bad"))
    record.finish(0, b"S", [b""], "", 1)
    record.finish(1, b"F", [b""], "", 1)
    assert told == [("r-0", TaskState.SUCCESS), "bad"]
    assert group[0].then(lambda each: told.append(each.id)).id == "r-0"
    assert told[-1] == "r-0"


def test_a_broken_callback_harms_nobody(app, caplog):
    record = LiveRecord("r", 1, "f")
    AsyncResult(app, record).then(lambda _: 1 / 0)
    record.finish(0, b"S", [b""], "", 1)
    assert "a callback of task r failed" in caplog.text
