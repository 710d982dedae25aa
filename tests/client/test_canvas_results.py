"""Results of canvases that run: what came before, what failed, ending it all, and once more."""

import _thread

import pytest
from patience import wait_until

from nbtasks import App, ChordError, TaskRevoked, UnknownTask, chain, group
from nbtasks.states import TaskState
from nbtasks.store.dead import run_again

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")


@pytest.fixture(scope="module")
def app(shared_app, shared_worker):
    """An app with a worker."""
    assert shared_worker.process.poll() is None
    return shared_app


@pytest.fixture
def alone(fresh_app):
    """An app without a worker: what is sent stays where it is."""
    return fresh_app


@pytest.fixture
def add(app):
    return app.task(lambda a, b: a + b, name="add")


@pytest.fixture
def total(app):
    return app.task(sum, name="total")


@pytest.fixture
def wait(app):
    """A task that fails until a file is there, and writes down that it has run."""

    def wait(value, path):
        with (path / "runs").open("a") as file:
            file.write(f"{value} ")
        if not (path / "ready").exists():
            raise ValueError(f"{value} is not ready")
        return value

    return app.task(wait, name="wait")


@pytest.fixture
def note(app):
    """A task that writes down that it has run."""

    def note(value, path):
        with (path / "runs").open("a") as file:
            file.write(f"{value} ")
        return value

    return app.task(note, name="note")


def runs(path):
    return sorted((path / "runs").read_text().split())


def test_a_chain_gives_the_last_value_and_has_all_before_it(add):
    result = (add.s(1, 1) | add.s(2) | add.s(3)).delay()
    assert result.get(timeout=30) == 7
    assert [each.get(timeout=30) for each in result.parents()] == [4, 2]


def test_collect_gives_each_value_from_the_root_on(add, total):
    result = (add.s(1, 1) | group(add.s(1), add.s(2)) | total.s()).delay()
    found = [value for _, value in result.root.collect(timeout=30)]
    assert found == [2, [3, 4], 3, 4, 7]


def test_another_client_finds_the_canvas_by_the_id_of_any_task(app, add, total):
    result = (add.s(1, 1) | group(add.s(1), add.s(2)) | total.s()).delay()
    assert result.get(timeout=30) == 7
    other = App(app.config.name, broker=app.config.url, key=app.config.key)
    found = other.AsyncResult(result.id)
    assert found.parent.get(timeout=30) == [3, 4]
    assert found.root.id == result.root.id
    assert str(found.canvas) == str(result.canvas)
    root = other.AsyncResult(result.root.id)
    assert [value for _, value in root.collect(timeout=30)] == [2, [3, 4], 3, 4, 7]
    other.close()


def test_a_chord_that_fails_raises_the_error_of_its_header(add, total, wait, tmp_path):
    result = (group(add.s(1, 1), wait.s(1, tmp_path)) | total.s() | add.s(1)).delay()
    with pytest.raises(ValueError, match="1 is not ready"):
        result.get(timeout=30)
    error = result.parent.get(propagate=False)
    assert isinstance(error, ChordError)
    assert (
        str(error) == f"Dependency {result.parent.parent[1].id} raised ValueError: 1 is not ready"
    )
    assert isinstance(error.__cause__, ValueError)
    assert "is not ready" in result.traceback


def test_the_rest_of_a_failed_chain_has_its_error(add, wait, tmp_path):
    result = (wait.s(1, tmp_path) | add.s(1) | group(add.s(1), add.s(2))).delay()
    with pytest.raises(ValueError, match="1 is not ready"):
        result.get(timeout=30)
    states = [each.state for each in (*result, result.parent, result.root)]
    assert states == ["FAILURE"] * 4
    assert [type(each) for each in result.get(propagate=False)] == [ValueError] * 2


def test_what_failed_runs_again_with_all_that_hangs_on_it(add, total, wait, note, tmp_path):
    header = group(note.s(5, tmp_path), wait.s(1, tmp_path), wait.s(2, tmp_path))
    result = (header | total.s() | add.s(1)).delay()
    errors = result.parent.parent.get(timeout=30, propagate=False)
    assert [type(error) for error in errors] == [int, ValueError, ValueError]
    wait_until(result.ready, "the chain has failed")
    (tmp_path / "ready").touch()
    assert result.canvas.retry() >= 2
    assert result.get(timeout=30) == 9
    assert runs(tmp_path) == ["1", "1", "2", "2", "5"]


def test_a_failed_step_runs_again_from_where_the_chain_broke(add, wait, note, tmp_path):
    result = (note.s(5, tmp_path) | wait.s(tmp_path) | add.s(1)).delay()
    with pytest.raises(ValueError, match="5 is not ready"):
        result.get(timeout=30)
    (tmp_path / "ready").touch()
    assert result.requeue()
    assert result.get(timeout=30) == 6
    assert runs(tmp_path) == ["5", "5", "5"]


def test_a_canvas_is_retried_from_a_task_of_it_by_result_or_id(add, wait, note, tmp_path):
    result = (note.s(5, tmp_path) | wait.s(tmp_path) | add.s(1)).delay()
    with pytest.raises(ValueError, match="5 is not ready"):
        result.get(timeout=30)
    assert not result.canvas.retry_from(result.root)
    with pytest.raises(UnknownTask):
        result.canvas.retry_from("nobody")
    (tmp_path / "ready").touch()
    assert result.canvas.retry_from(result.parent.id)
    assert result.get(timeout=30) == 6
    assert runs(tmp_path) == ["5", "5", "5"]


def test_what_has_ended_again_before_the_answer_to_a_retry_stays_ended(add, wait, app, tmp_path):
    result = (wait.s(1, tmp_path) | add.s(1)).delay()
    with pytest.raises(ValueError, match="1 is not ready"):
        result.get(timeout=30)
    (tmp_path / "ready").touch()
    first = result.root.record
    (number,), others = run_again(app.store, first.rid, [0])
    wait_until(result.successful, "it has ended again")
    for rid, at, count in [(first.rid, 0, number), *others]:
        app.event_stream.find(rid).again(at, count)
    assert first.left == 0
    assert result.get(timeout=30) == 2


def test_an_errback_that_is_not_needed_is_ignored(app, add, tmp_path):
    path = tmp_path / "told"
    sorry = app.task(path.write_text, name="sorry")
    signature = add.s(1, 1)
    signature.link_error(sorry.s())
    result = signature.delay()
    assert result.get(timeout=30) == 2
    wait_until(lambda: result.canvas.records[1].is_done(0), "the errback is not needed")
    assert result.canvas.records[1].state(0) == TaskState.IGNORED
    assert str(result.canvas).splitlines()[1] == "o sorry (errback)  IGNORED  after add"
    assert result.children == []


def test_a_whole_canvas_is_revoked_without_a_word_from_errbacks(alone):
    one = alone.task(lambda x: x, name="one")
    signature = chain(one.s(1), group(one.si(2), one.si(3)), one.s())
    signature.link_error(one.si(9))
    result = signature.delay()
    assert result.canvas.revoke(terminate=True) == 5
    wait_until(lambda: result.canvas.forecast.done == 4, "all are revoked")
    states = {state for record in result.canvas.records for state in record.counts()}
    assert states == {TaskState.REVOKED}
    with pytest.raises(TaskRevoked):
        result.get(timeout=10)


def test_revoking_the_first_step_ends_the_chain(alone):
    one = alone.task(lambda x: x, name="one")
    result = chain(one.s(1), one.s(), one.s()).delay()
    assert result.root.revoke()
    with pytest.raises(TaskRevoked, match=result.root.id):
        result.get(timeout=10)
    assert result.state == "FAILURE"


def test_a_canvas_whose_parts_were_forgotten_is_still_drawn(app, add):
    result = (add.s(1, 1) | add.s(2)).delay()
    assert result.get(timeout=30) == 4
    first, last = result.parent.id, result.id
    assert result.parent.forget()
    del result
    found = app.AsyncResult(last)
    assert found.parent.id == first
    assert "add" in found.visualize().svg


def test_an_interrupted_wait_ends_all_that_was_sent(alone, monkeypatch):
    monkeypatch.setattr(alone, "revoke_on_interrupt", True)
    one = alone.task(lambda x: x, name="one")
    result = chain(one.s(1), group(one.s(), one.s()), one.s()).delay()
    record = result.records[0]
    call_when_done = record.call_when_done

    def interrupt(index, call):
        call_when_done(index, call)
        _thread.interrupt_main()

    monkeypatch.setattr(record, "call_when_done", interrupt)
    with pytest.raises(KeyboardInterrupt):
        result.get(timeout=30)
    wait_until(lambda: result.canvas.forecast.done == 4, "all are revoked")
    assert {state for each in result.sent for state in each.counts()} == {TaskState.REVOKED}
