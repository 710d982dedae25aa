"""Rules that say where tasks go: read at once, and looked through in their order."""

import re

import pytest

from nbtasks.config import Config, from_environment
from nbtasks.errors import ConfigError
from nbtasks.routes import Route, read_routes


def by_first_argument(_, args, *__, task=None):
    """What the tests route by."""
    assert task is None
    return args[0] if args else None


def found(given, name="feed.pull", *args, **options):
    return read_routes(given).find(name, args, {}, options)


FEEDS = Route(queue="feeds")


FORMS = {
    "a name": {"feed.pull": "feeds"},
    "a name and options": {"feed.pull": {"queue": "feeds"}},
    "a glob": {"feed.*": {"queue": "feeds"}},
    "a glob of letters": {"f?ed.[op]*": "feeds"},
    "a regular expression": {re.compile(r"feed\.(pull|push)$"): {"queue": "feeds"}},
    "pairs": [("feed.*", "feeds"), ("*", "others")],
    "pairs inside": ([("feed.*", {"queue": "feeds"}), ("*", "others")],),
    "dicts": [{"web.*": "web"}, {"feed.*": "feeds"}, {"*": "others"}],
    "a function": lambda *_, **__: {"queue": "feeds"},
    "one that says a queue": lambda *_, **__: "feeds",
    "one that says nothing": [lambda *_, **__: None, {"feed.*": "feeds"}],
}


@pytest.mark.parametrize("given", FORMS.values(), ids=FORMS)
def test_whatever_form_it_has_the_first_rule_that_matches_says_the_queue(given):
    assert found(given) == FEEDS


@pytest.mark.parametrize("given", [None, (), {}, [], {"web.*": "web"}, [lambda *_, **__: None]])
def test_where_no_rule_matches_nothing_is_said(given):
    assert found(given) is None


def test_of_one_dict_a_whole_name_wins_over_patterns_and_of_these_the_first():
    rules = {"feed.*": "a", "*": "b", "feed.pull": "c"}
    assert [found(rules, name).queue for name in ("feed.pull", "feed.push", "x")] == ["c", "a", "b"]


def test_a_glob_is_held_against_the_whole_name_and_case_counts():
    assert found({"feed.*": "feeds"}, "my.feed.pull") is None
    assert found({"Feed.*": "feeds"}) is None


def test_a_route_may_say_a_priority_alone():
    assert found({"feed.*": {"priority": 7}}) == Route(priority=7)
    assert found({"feed.*": {"queue": None, "priority": 0}}) == Route(priority=0)


def test_a_function_gets_the_call():
    calls = []

    def route(name, args, kwargs, options, task=None):
        calls.append((name, args, kwargs, options, task))

    read_routes(route).find("fit", [1], {"a": 2}, {"countdown": 3}, "the task")
    assert calls == [("fit", (1,), {"a": 2}, {"countdown": 3}, "the task")]


@pytest.mark.parametrize("path", [f"{__name__}.by_first_argument", f"{__name__}:by_first_argument"])
def test_a_text_is_the_path_of_a_function(path):
    assert found(path, "fit", "gpu") == found([path], "fit", "gpu") == Route(queue="gpu")


WRONG = {
    "there is no exchange": (
        {"feed.*": {"exchange": "feeds"}},
        "the route of 'feed.*' says 'exchange': a queue is all there is here, so write {'queue':",
    ),
    "nor a routing key": (
        {"a": {"routing_key": "feeds"}},
        "the route of 'a' says 'routing_key': a queue is all there is here",
    ),
    "a misspelt key": (
        {"feed.*": {"quue": "feeds"}},
        "the route of 'feed.*' says 'quue': did you mean 'queue'?",
    ),
    "no route": (
        {"feed.*": 5},
        "the route of 'feed.*' is 5: give a queue, or {'queue': …, 'priority': …}",
    ),
    "no queue": ({"feed.*": "a b"}, "queue 'a b' is not a name"),
    "no priority": (
        {"feed.*": {"priority": 10}},
        "the route of 'feed.*' has priority 10: it must be a whole number from 0 to 9",
    ),
    "no name": ({"feed pull": "a"}, "task_routes: task 'feed pull' is not a name"),
    "no rule": (5, "task_routes says 5: give routes by the names of tasks"),
    "no pair": ([["feed.*", "a", "b"]], "task_routes says 'feed.*': give routes by the names"),
    "no path": (
        "feeds",
        "task_routes says 'feeds': a text alone is the path of a function, such as 'lab.routing",
    ),
    "bytes": ({re.compile(b"a"): "q"}, "task_routes has the pattern b'a': names are text"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_rule_is_an_error_as_soon_as_it_is_set(given, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Config(task_routes=given)


def test_what_a_function_says_is_checked_when_it_is_said():
    message = "the route of 'fit' by by_first_argument is 5: give a queue"
    with pytest.raises(ConfigError, match=message):
        found(by_first_argument, "fit", 5)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such.module", "'no_such.module', which cannot be imported: No module named"),
        ("re.no_such", "'re.no_such', which cannot be imported: module 're' has no attribute"),
        ("re.I", "'re.I', which is no function"),
    ],
)
def test_a_path_that_leads_nowhere_is_said_when_it_is_needed(path, message):
    with pytest.raises(ConfigError, match=message):
        found(path)


# Queues


def test_a_worker_that_is_told_nothing_takes_from_the_declared_queues():
    assert Config(task_queues=["a", "b", "a"]).usual_queues == ("a", "b")
    assert Config(default_queue="mine").usual_queues == ("mine",)


@pytest.mark.parametrize("given", ["a,b", {"a": {}}, 5])
def test_declared_queues_are_names(given):
    message = f"task_queues is {given!r}: give names, such as ['default', 'gpu']"
    with pytest.raises(ConfigError, match=re.escape(message)):
        Config(task_queues=given)


def test_a_route_to_a_queue_that_is_not_declared_is_an_error_where_others_are_missing():
    settings = {"task_queues": ["feeds"], "task_create_missing_queues": False}
    Config(**settings, task_routes={"*": "feeds", "a": "default", "b": "worker@w1"})
    message = "there is no queue 'feds': did you mean 'feeds'?: task_queues does not name it"
    with pytest.raises(ConfigError, match=re.escape(message)):
        Config(**settings, task_routes={"*": "feds"})


def test_settings_of_routes_come_from_a_project(tmp_path, monkeypatch):
    text = '[tool.nbtasks]\ntask_queues = ["feeds"]\n[tool.nbtasks.task_routes]\n"f.*" = "feeds"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    config = from_environment()
    assert config.routes.find("f.a", (), {}, {}) == FEEDS
    assert config.task_queues == ("feeds",)
