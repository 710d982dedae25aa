"""What an archive keeps, on a real worker: tasks, and their results past their expiry."""

import sqlite3

import pytest

from nbtasks import App, BadSignature, ConfigError, TaskState, UnknownTask

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture(scope="module")
def app(shared_app):
    return shared_app


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("archive") / "runs.db"


@pytest.fixture(scope="module")
def kept(app, path):
    """An archive that is fed when a test asks it to."""
    archive = app.archive(f"sqlite:///{path}")
    archive.catch_up()
    yield archive
    archive.close()


@pytest.fixture(scope="module")
def add(app):
    @app.task(name="add")
    def add(x, y=0):
        return x + y

    return add


@pytest.fixture(scope="module")
def fail(app):
    @app.task(name="fail")
    def fail(word):
        raise KeyError(word)

    return fail


def ended(kept, *results):
    """What the archive says of tasks that have ended, and that Redis has then forgotten."""
    for result in results:
        result.get(10, propagate=False)
    kept.catch_up()
    for result in results:
        result.forget()
    return [kept.task(result.id) for result in results]


def test_a_task_is_kept_with_its_arguments_times_and_value(app, kept, add):
    (task,) = ended(kept, add.apply_async((1,), {"y": 2}, priority=3))
    assert (task.name, task.state, task.queue, task.priority) == ("add", "SUCCESS", "default", 3)
    assert (task.args, task.result, task.error_type, task.is_missing) == (
        "1, y=2",
        "3",
        None,
        False,
    )
    assert task.sent <= task.received <= task.done
    assert task.worker == app.workers()[0].name
    assert 0 < task.runtime < 1


def test_results_are_read_from_the_archive_once_redis_has_none(app, kept, add, fail):
    good, bad = add.delay(20, 22), fail.delay("why")
    ended(kept, good, bad)
    assert app.AsyncResult(good.id).get() == 42
    found = app.AsyncResult(bad.id)
    assert (found.state, "in fail" in found.traceback) == (TaskState.FAILURE, True)
    with pytest.raises(KeyError, match="why"):
        found.get()


def test_an_error_is_kept_in_words(kept, fail):
    (task,) = ended(kept, fail.delay("because"))
    assert (task.state, task.error_type, task.error) == ("FAILURE", "KeyError", "'because'")
    assert "in fail" in task.traceback


def test_each_member_of_a_group_has_a_row(app, kept, add):
    group = add.map_async([10, 20, 30])
    assert group.get(10) == [10, 20, 30]
    kept.catch_up()
    group.forget()
    assert [kept.task(each.id).result for each in group] == ["10", "20", "30"]
    assert app.AsyncResult(group[1].id).get() == 20


def test_arguments_can_be_had_as_they_were(kept, add):
    result = add.delay([1], y=[{"deep": (2,)}])
    ended(kept, result)
    assert kept.arguments(result.id) == (([1],), {"y": [{"deep": (2,)}]})


def test_what_is_too_large_for_an_event_is_fetched(app, kept, add):
    result = add.delay("x" * 9000, "y" * 9000)
    (task,) = ended(kept, result)
    assert app.AsyncResult(result.id).get() == "x" * 9000 + "y" * 9000
    assert task.result == "<pickle of 18,019 bytes>"


def test_a_value_that_is_ignored_is_not_kept(kept, add):
    (task,) = ended(kept, add.apply_async((1,), ignore_result=True))
    assert (task.state, task.result) == ("SUCCESS", "None")


def test_a_task_that_is_tried_again_says_how_often(app, kept):
    def flaky(self):
        if self.request.retries < 2:
            raise OSError("not yet")
        return "there"

    task = app.task(bind=True, max_retries=3, default_retry_delay=0)(flaky)
    (found,) = ended(kept, task.delay())
    assert (found.retries, found.result, found.error_type) == (2, "'there'", None)


def test_a_task_that_waits_or_is_revoked_says_so(kept, add):
    result = add.apply_async((1,), countdown=100)
    kept.catch_up()
    waiting = kept.task(result.id)
    assert (waiting.state, waiting.done, waiting.args) == ("PENDING", None, "1")
    result.revoke()
    (found,) = ended(kept, result)
    assert (found.state, found.error_type) == ("REVOKED", "TaskRevoked")


def test_tasks_are_found_by_state_name_and_time(kept, fail):
    (one,) = ended(kept, fail.delay("first"))
    assert kept.tasks(state="FAILURE", name="fail", limit=1) == [one]
    assert kept.tasks(name="fail", since=one.sent)[0] == one
    assert kept.tasks(name="nothing") == []
    assert kept.counts(name="fail") == {TaskState.FAILURE: len(kept.tasks(name="fail"))}
    assert kept.tasks(since=0) == []


def test_what_was_sent_before_there_was_an_archive_is_read_from_redis(app, add, tmp_path):
    results = [add.delay(1), *add.map_async([2, 3])]
    values = [result.get(10) for result in results]
    late = App(app.config.name, broker=app.config.url, key=app.config.key)
    archive = late.archive(f"sqlite:///{tmp_path}/late.db")
    archive.catch_up()
    found = [archive.task(result.id) for result in results]
    assert [(task.name, task.result) for task in found] == [("add", f"{value}") for value in values]
    late.close()


def test_old_tasks_are_removed(kept, add):
    (task,) = ended(kept, add.delay(5))
    assert kept.purge(3600) == 0
    assert kept.purge(-1) >= 1
    with pytest.raises(UnknownTask):
        kept.task(task.id)
    assert kept.tasks() == []


def test_a_value_that_was_changed_in_the_database_is_refused(app, kept, add, path):
    one, other = add.delay("one"), add.delay("other")
    ended(kept, one, other)
    with sqlite3.connect(path) as database:
        swap = "update nbtasks_tasks set result=(select result from nbtasks_tasks where id=?)"
        database.execute(f"{swap} where id=?", (other.id, one.id))
    with pytest.raises(BadSignature):
        app.AsyncResult(one.id).get()


def test_celerys_result_backend_may_be_a_database(app, kept, add, path):
    result = add.delay(6)
    ended(kept, result)
    url = f"db+sqlite:///{path}"
    other = App(app.config.name, broker=app.config.url, key=app.config.key, backend=url)
    assert (other.conf.result_backend, other.AsyncResult(result.id).get()) == (url, 6)
    assert other.archive().task(result.id).result == "6"
    other.close()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"]
)
def test_what_can_be_no_archive_is_refused(url):
    with pytest.raises(ConfigError):
        App("none", broker="redis://localhost", key="k" * 20).archive(url)
