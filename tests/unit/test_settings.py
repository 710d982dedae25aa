"""Settings by Celery's names, from modules, mappings, variables and pyproject.toml."""

import types
from datetime import timedelta

import pytest

from nbtasks.app import App
from nbtasks.config import KINDS, Config, from_environment
from nbtasks.errors import ConfigError
from nbtasks.settings import ALIASES, FIXED, NO_SETTINGS, from_project, shown


def with_settings(**settings):
    return Config().with_settings(settings)


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("broker_url", "redis://h", "url", "redis://h"),
        ("result_backend", "redis://h", "url", "redis://h"),
        ("result_expires", 60, "result_expires_ms", 60_000),
        ("result_expires", timedelta(minutes=1), "result_expires_ms", 60_000),
        ("task_time_limit", 1.5, "task_time_limit_ms", 1500),
        ("task_time_limit", None, "task_time_limit_ms", 0),
        ("task_serializer", "application/json", "serializer", "json"),
        ("accept_content", ["pickle", "application/json"], "accept_content", ("pickle", "json")),
        ("task_default_queue", "gpu", "default_queue", "gpu"),
        ("worker_max_memory_per_child", 200, "worker_max_memory", 204_800),
        ("include", ["a.b"], "imports", ("a.b",)),
    ],
)
def test_celerys_name_of_a_setting_is_as_good(name, value, field, expected):
    assert getattr(with_settings(**{name: value}), field) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task_timelimit": 1}, "no setting 'task_timelimit': did you mean 'task_time_limit'"),
        ({"task_time_limit": "1"}, "task_time_limit is '1': give seconds, or a timedelta, from 0"),
        ({"task_serializer": "json", "result_serializer": "pickle"}, "say the same, and differ"),
        (
            {"broker_url": "redis://:pw@a", "result_backend": "x"},
            "result_backend is not broker_url",
        ),
        ({"task_track_started": False}, "it is always True here, because a task that runs"),
        ({"task_time_limit": 1, "task_soft_time_limit": 2}, "the soft limit must be below"),
        ({"task_default_priority": 10}, "it must be a whole number from 0 to 9"),
        ({"imports": "tasks"}, "imports is 'tasks': it must be a list of modules"),
        ({"task_annotations": {"a": 1}}, "give options by the names of tasks"),
        ({"task_annotations": {"a": {"que": 1}}}, "says 'que' of 'a': did you mean 'queue'"),
    ],
)
def test_a_wrong_setting_says_what_is_right(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Config().with_settings(settings)
    assert "pw" not in str(caught.value)


def test_a_setting_that_has_one_value_here_may_be_said():
    for name, (value, _) in FIXED.items():
        assert with_settings(**{name: value}) == Config()


KNOWN = [
    "accept_content",
    "beat_max_loop_interval",
    "beat_schedule",
    "broker_url",
    "enable_utc",
    "result_backend",
    "result_expires",
    "result_serializer",
    "task_acks_late",
    "task_always_eager",
    "task_annotations",
    "task_compression",
    "task_create_missing_queues",
    "task_default_priority",
    "task_default_queue",
    "task_default_retry_delay",
    "task_eager_propagates",
    "task_ignore_result",
    "task_max_retries",
    "task_reject_on_worker_lost",
    "task_routes",
    "task_serializer",
    "task_soft_time_limit",
    "task_store_eager_result",
    "task_time_limit",
    "task_track_started",
    "timezone",
    "worker_concurrency",
    "worker_disable_rate_limits",
    "worker_max_memory_per_child",
    "worker_max_tasks_per_child",
    "worker_prefetch_multiplier",
    "worker_send_task_events",
]
"""Celery's names for what there is here, too."""


@pytest.mark.parametrize("name", KNOWN)
def test_a_setting_of_celerys_is_here_or_says_why_it_has_one_value(name):
    config = Config(url="redis://h")
    fields = {field: getattr(config, field) for field in KINDS}
    assert config.with_settings({name: shown(name, fields)}) == config
    if name in FIXED:
        with pytest.raises(ConfigError, match="it is always"):
            with_settings(**{name: "something else"})


def test_every_alias_is_one_of_a_field():
    assert {alias.field for alias in ALIASES.values()} <= set(KINDS)
    assert not set(ALIASES) & set(KINDS)
    assert not {name.lower() for name in NO_SETTINGS} & set(KINDS)


def test_conf_is_read_and_changed_by_attribute_and_by_item():
    app = App("test-conf", broker="redis://h", task_time_limit=60)
    assert app.conf.task_time_limit == app.conf["task_time_limit"] == 60
    app.conf.task_soft_time_limit = 30
    app.conf["worker_concurrency"] = 4
    app.conf.update({"task_acks_late": False}, default_queue="gpu")
    assert app.conf.task_default_queue == "gpu"
    assert (app.config.task_soft_time_limit_ms, app.config.worker_concurrency) == (30_000, 4)
    assert app.conf.result_backend == app.conf.broker_url == "redis://h"
    assert {"broker_url", "url", "task_track_started"} <= set(app.conf)
    assert len(app.conf) == len(list(app.conf))


def test_conf_refuses_what_there_is_not():
    conf = App("test-conf").conf
    assert conf.get("nothing") is None
    assert not hasattr(conf, "nothing")
    with pytest.raises(AttributeError, match="did you mean 'worker_concurrency'"):
        _ = conf.worker_concurency
    with pytest.raises(ConfigError, match="did you mean 'worker_concurrency'"):
        conf.worker_concurency = 3
    with pytest.raises(ConfigError, match="a setting always has a value"):
        del conf.url


def test_where_one_of_several_settings_is_wrong_none_is_changed():
    conf = App("test-conf").conf
    with pytest.raises(ConfigError, match="lease_ms is 0"):
        conf.update(worker_concurrency=9, lease_ms=0)
    assert conf.worker_concurrency == 0


def test_conf_never_shows_a_secret():
    text = repr(App("test-conf", broker="redis://:canary@h", key="canary canary canary").conf)
    assert "canary" not in text


def test_an_app_that_is_connected_stays_where_it_is(app):
    assert app.store is not None
    with pytest.raises(ConfigError, match="url cannot be changed now: the app is connected"):
        app.conf.broker_url = "redis://elsewhere"
    app.conf.update(broker_url=app.config.url, task_time_limit=5)
    assert app.conf.task_time_limit == 5


@pytest.fixture
def _module(tmp_path, monkeypatch):
    """A module of settings, as for Celery."""
    text = "import os\nfrom datetime import timedelta\ntask_time_limit = 7\n_mine = 1\nCOUNT = 2\n"
    (tmp_path / "labconfig.py").write_text(f"{text}\nclass Live:\n    worker_concurrency = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("LAB_CONFIG", "labconfig")


@pytest.mark.usefixtures("_module")
def test_settings_come_from_a_module():
    app = App("test-conf")
    app.config_from_object("labconfig")
    assert app.conf.task_time_limit == 7
    app.config_from_object("labconfig:Live")
    assert app.conf.worker_concurrency == 3
    other = App("test-conf")
    other.config_from_envvar("LAB_CONFIG")
    assert other.conf.task_time_limit == 7
    with pytest.raises(ConfigError, match="LAB_KONFIG is not set"):
        other.config_from_envvar("LAB_KONFIG")


def test_a_namespace_chooses_settings():
    source = types.SimpleNamespace(CELERY_TASK_TIME_LIMIT=9, DEBUG=True, debug=True)
    app = App("test-conf")
    app.config_from_object(source, namespace="CELERY")
    assert app.conf.task_time_limit == 9
    with pytest.raises(ConfigError, match=r"no setting 'debug'.*\(in 'SimpleNamespace'\)"):
        app.config_from_object(source)
    with pytest.raises(ConfigError, match="BROKER_URL is a setting in capitals: write broker_url"):
        app.config_from_object({"BROKER_URL": "redis://h"})


def test_the_name_of_an_app_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("NBTASKS_NAME", "lab")
    assert (App().config.name, App("other").config.name) == ("lab", "other")


def test_variables_are_settings():
    config = from_environment(
        {
            "NBTASKS_TASK_TIME_LIMIT": "2.5",
            "NBTASKS_LEASE_MS": "60000",
            "NBTASKS_IMPORTS": "a, b",
            "NBTASKS_TASK_ACKS_LATE": "false",
            "NBTASKS_NAME": "lab",
            "NBTASKS_HOME": "/somewhere",
            "NBTASKS_TASK_TRACK_STARTED": "1",
        }
    )
    assert (config.task_time_limit_ms, config.lease_ms) == (2500, 60_000)
    assert (config.imports, config.task_acks_late, config.name) == (("a", "b"), False, "lab")


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("NBTASKS_TASK_TIMELIMIT", "1", "did you mean 'NBTASKS_TASK_TIME_LIMIT'"),
        ("NBTASKS_LEASE_MS", "soon", "NBTASKS_LEASE_MS is 'soon': it must be a whole number"),
        ("NBTASKS_TASK_TIME_LIMIT", "x", "NBTASKS_TASK_TIME_LIMIT is 'x': it must be a number"),
        ("NBTASKS_LEASE_MS", "1", r"a lease must last at least two .*\(in the environment\)"),
        ("NBTASKS_TASK_ANNOTATIONS", "{}", "such a setting is no text, so say it in Python"),
    ],
)
def test_a_wrong_variable_is_named(variable, text, message):
    with pytest.raises(ConfigError, match=message):
        from_environment({variable: text})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with settings, and a process that is in a folder of it."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)

    def write(text):
        (tmp_path / "pyproject.toml").write_text(f"[tool.nbtasks]\n{text}\n")

    return write


def test_a_project_has_settings_and_the_environment_wins(project, monkeypatch):
    project('task_time_limit = 5\nworker_concurrency = 2\ntask_annotations.fit = {queue = "gpu"}')
    monkeypatch.setenv("NBTASKS_WORKER_CONCURRENCY", "3")
    conf = App("test-conf").conf
    assert (conf.task_time_limit, conf.worker_concurrency) == (5, 3)
    assert App("test-conf", worker_concurrency=4).conf.worker_concurrency == 4
    assert conf.task_annotations == {"fit": {"queue": "gpu"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task_timelimit = 1", r"no setting 'task_timelimit'.*\(in \[tool.nbtasks\] of .*toml"),
        ('key = "a secret"', "key stands in .*: what guards a Redis belongs in no project"),
        ("insecure = true", "insecure stands in"),
        ("a = ", "cannot be read: Invalid value"),
    ],
)
def test_a_wrong_project_is_named(project, text, message):
    project(text)
    with pytest.raises(ConfigError, match=message):
        App("test-conf")


def test_a_folder_without_a_project_says_nothing(tmp_path):
    assert from_project(tmp_path)[0] == {}
