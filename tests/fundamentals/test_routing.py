"""Where tasks go: by the call, by the task, by the settings."""

import pytest

from nbtasks import ConfigError, NoWorkerWarning, chord, group
from nbtasks.store.queues import purge_queue

QUEUES = ("default", "usual", "images", "large", "own", "called", "noted", "others", "sums", "gpu")
pytestmark = pytest.mark.filterwarnings(f"ignore::{NoWorkerWarning.__module__}.NoWorkerWarning")


def resize(name, size=1):
    """A task."""


def by_name(_, args, *__, **___):
    """To a queue of its own for large images, elsewhere by other rules."""
    return {"queue": "large"} if "large" in args else None


def place(app, result):
    """Queue and priority of a task, as Redis has them."""
    queue, priority = app.store.call("HMGET", app.store.keys.record(result.record.rid), "q", "pr")
    return (queue or b"default").decode(), int(priority or 0)


@pytest.fixture
def route(app):
    """Set rules, and make a task."""

    def make(rules, **options):
        app.conf.task_routes = rules
        return app.task(resize, name="img.resize", **options)

    yield make
    app.conf.task_routes = ()
    for queue in QUEUES:
        purge_queue(app.store, queue)


def test_a_call_wins_over_its_task_and_that_over_the_routes(app, route):
    rules = {"img.*": {"queue": "images", "priority": 3}}
    plain, own = route(rules), route(rules, queue="own", priority=5)
    assert place(app, plain.delay("a")) == ("images", 3)
    assert place(app, own.delay("a")) == ("own", 5)
    assert place(app, own.apply_async(("a",), queue="called", priority=9)) == ("called", 9)
    assert place(app, plain.apply_async(("a",), priority=0)) == ("images", 0)


def test_an_annotation_counts_as_the_task(app, route):
    task = route({"*": "images"})
    app.conf.task_annotations = {"img.resize": {"queue": "noted"}}
    assert place(app, task.delay("a")) == ("noted", 0)
    app.conf.task_annotations = {}


def test_where_no_rule_matches_the_default_queue_and_priority_hold(app, route):
    task = route({"web.*": "web"})
    app.conf.update(task_default_queue="usual", task_default_priority=2)
    assert place(app, task.delay("a")) == ("usual", 2)
    app.conf.update(task_default_queue="default", task_default_priority=0)


def test_a_task_that_is_sent_by_name_is_routed(app, route):
    route([("other.*", "others")])
    assert place(app, app.send_task("other.task", (1,))) == ("others", 0)


def test_all_tasks_of_a_canvas_are_routed(app, route):
    task = route({"img.*": "images", "sum": "sums"})
    total = app.task(len, name="sum")
    result = chord([task.s("a"), task.s("b")])(total.s())
    assert place(app, result) == ("sums", 0)
    assert {place(app, each) for each in result.parent} == {("images", 0)}


def test_members_of_a_group_go_where_their_own_arguments_send_them(app, route):
    task = route([by_name, {"img.*": "images"}])
    names = ["a", "large", "large", "b"]
    expected = ["images", "large", "large", "images"]
    for result in (group(task.s(name) for name in names)(), task.map_async(names)):
        assert [place(app, each)[0] for each in result] == expected
        assert len({each.record.rid for each in result}) == 3


def test_steps_of_equal_chains_go_where_their_own_arguments_send_them(app, route):
    task = route([by_name, {"img.*": "images"}])
    result = group(task.si(name) | task.si("b") for name in ("a", "large", "a"))()
    assert [place(app, each.parent)[0] for each in result] == ["images", "large", "images"]
    assert {place(app, each)[0] for each in result} == {"images"}


def test_a_schedule_entry_is_routed_by_the_app_that_declares_it(app, route):
    task = route({"img.*": "images"})
    app.schedules.add("hourly", task.s("a"), 3600)
    run = app.schedules.run("hourly")
    app.schedules.remove("hourly")
    assert app.store.call("HGET", app.store.keys.record(run.id), "q") == b"images"


def test_a_run_in_this_process_asks_no_route(route):
    def never(*_, **__):
        raise AssertionError

    assert route(never).apply(("a",)).get() is None


def test_a_queue_that_is_not_declared_is_an_error_where_others_are_missing(app, route):
    task = route(by_name)
    app.conf.update(task_queues=["gpu"], task_create_missing_queues=False)
    message = r"there is no queue 'gpus': did you mean 'gpu'\?: task_queues does not name it"
    with pytest.raises(ConfigError, match=message):
        task.apply_async(("a",), queue="gpus")
    with pytest.raises(ConfigError, match="there is no queue 'large'"):
        task.delay("large")
    assert place(app, task.apply_async(("a",), queue="gpu")) == ("gpu", 0)
    assert place(app, task.delay("a")) == ("default", 0)
    app.conf.update(task_queues=[], task_create_missing_queues=True)
