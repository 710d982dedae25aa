"""Tasks that are sent by name, shared ones, and those of a program (`nbtasks worker -A`)."""

import sys

import pytest

from nbtasks import roster
from nbtasks.app import App, set_current_app
from nbtasks.errors import ConfigError, Unsendable
from nbtasks.presence import NoWorkerWarning
from nbtasks.registry import find_app, find_registered
from nbtasks.roster import shared_task

SHOP = """
from nbtasks import App, shared_task

app = App(task_time_limit=60, imports=["shopmore"])

@app.task(name="shop.add", bind=True)
def add(self, x, y):
    return x + y, self.request.task

@shared_task
async def double(x):
    return 2 * x
"""
MORE = """
from nbtasks import current_app

@current_app().task(name="plenty")
def plenty():
    return "plenty"
"""
SETTINGS = """
from nbtasks import App, current_app
from nbtasks.schedule import crontab

def by_name(name, args, kwargs, options, task=None):
    return "shop" if name == "shopset.look" else None

app = App(task_routes=[by_name], task_annotations={"*": {"autoretry_for": [KeyError]}})
app.conf.beat_schedule = {"x": {"task": "shopset.look", "schedule": crontab(hour=3)}}

@app.task
def look():
    here = current_app()
    later = look.apply_async(countdown=1000)
    later.revoke()
    return here is app, [*here.conf.beat_schedule], later.queue, here.config.url, here.config.name
"""
LATE = """
from nbtasks import shared_task

@shared_task
def found(x):
    return [x]
"""


@pytest.fixture
def program(tmp_path):
    """A program in the folder that workers run in, which this process does not import."""
    texts = {"shop": SHOP, "shopmore": MORE, "shopset": SETTINGS, "shoplate": LATE}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    known = dict(roster._shared)
    yield tmp_path
    for name in texts:
        sys.modules.pop(name, None)
    roster._shared.clear()
    roster._shared.update(known)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_worker_has_the_tasks_of_its_program(app, start_worker, start):
    start_worker("-A", "shop", "-c", "1", "--start-method", start)
    assert app.send_task("shop.add", (1,), {"y": 2}).get(timeout=20) == (3, "shop.add")
    assert app.send_task("shop.double", (4,)).get(timeout=20) == 8
    assert app.send_task("plenty").get(timeout=20) == "plenty"
    assert app.send_task("shoplate.found", (1,)).get(timeout=20) == [1]
    with pytest.raises(ConfigError, match=r"has no task 'shop\.ad': did you mean 'shop\.add'"):
        app.send_task("shop.ad").get(timeout=20)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_what_its_tasks_send_is_sent_with_all_settings_where_the_worker_is(
    app, start_worker, start
):
    options = ("-A", "shopset", "-c", "1", "--no-beat", "--start-method", start)
    start_worker("-Q", "default,shop", *options)
    place = (app.config.url, app.config.name)
    told = app.send_task("shopset.look").get(timeout=20)
    assert told == (True, ["x"], "shop", *place)


@pytest.mark.usefixtures("program")
def test_a_module_of_tasks_does_not_change_whose_app_is_the_current_one(
    app, start_worker, monkeypatch
):
    monkeypatch.setenv("NBTASKS_IMPORTS", "shopmore,shop")
    start_worker("-c", "1")
    assert app.send_task("shop.add", (1, 2)).get(timeout=20) == (3, "shop.add")
    name = app.task(lambda: __import__("nbtasks").current_app().config.name)
    assert name.delay().get(timeout=20) == app.config.name


def test_a_program_that_cannot_be_had_is_named(start_worker):
    worker = start_worker("-A", "nowhere", wait=False)
    assert worker.process.wait(20) == 2
    assert "-A 'nowhere': No module named 'nowhere'" in worker.text()


def test_what_is_sent_by_name_takes_the_options_of_a_task_that_is_known_here(app):
    app.task(len, name="size", queue="gpu")
    with pytest.warns(NoWorkerWarning, match="no worker listens on queue 'gpu'"):
        app.send_task("size", ([1],)).revoke()


def test_an_eager_app_runs_by_name_what_it_has():
    app = App("test-eager", task_always_eager=True)
    app.task(len, name="size")
    assert app.send_task("size", ([1],)).get() == 1
    with pytest.raises(Unsendable, match="only its name is known here"):
        app.send_task("other").get()


@pytest.mark.usefixtures("program")
def test_a_shared_task_is_one_of_every_app_and_the_current_one_sends_it():
    @shared_task(name="shared.twice", max_retries=4)
    def twice(x):
        return 2 * x

    first, second = (App(f"test-{n}", task_always_eager=True) for n in range(2))
    assert first.tasks["shared.twice"] is second.tasks["shared.twice"] is twice
    assert (twice.sender, twice(2), twice.delay(3).get()) == (second, 4, 6)
    first.set_default()
    assert (twice.sender, twice.options.retry.max_retries) == (first, 4)
    set_current_app(second)


def test_a_task_may_be_registered_with_another_app():
    first, second = (App(f"test-{n}", task_always_eager=True) for n in range(2))
    task = second.register_task(first.task(len, name="size"))
    assert second.tasks["size"] is task
    assert task.sender is second
    with pytest.raises(ConfigError, match=r"is not a task: make it one with @app\.task"):
        second.register_task(len)


def test_tasks_of_packages_are_found(program, monkeypatch):
    monkeypatch.syspath_prepend(str(program))
    for name in ("shopone", "shoptwo"):
        (program / name).mkdir()
        (program / name / "__init__.py").touch()
    (program / "shopone" / "tasks.py").write_text(LATE)
    app = App("test-discover")
    assert app.autodiscover_tasks(["shopone", "shoptwo"]) == ["shopone.tasks"]
    assert app.tasks["shopone.tasks.found"](1) == [1]
    with pytest.raises(ImportError):
        app.autodiscover_tasks(["shopthree"])


def test_the_app_of_a_program(program, monkeypatch):
    monkeypatch.syspath_prepend(str(program))
    app = find_app("shop:app")
    assert find_app("shop") is app
    assert find_registered("shop.add", ()).name == "shop.add"
    with pytest.raises(ConfigError, match="module 'shop' has no app 'application'"):
        find_app("shop:application")


def test_arguments_are_checked_at_the_call_unless_told_otherwise():
    app = App("test-typing", task_always_eager=True)

    @app.task(throws=(KeyError,))
    def one(x):
        return x

    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        one.delay()
    assert isinstance(app.task(one, typing=False).apply().result, TypeError)
    with pytest.raises(ConfigError, match="it must be an exception class"):
        app.task(one, throws=("x",))
