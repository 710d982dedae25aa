"""Classes of tasks: what `self` is, one for each process, and handlers."""

import os
import threading
from collections.abc import Iterator

import class_side
import pytest
from class_side import Database, Loud, Told
from worker_side import HERE

from nbtasks.app import App
from nbtasks.canvas import group
from nbtasks.context import TaskContext
from nbtasks.errors import ConfigError
from nbtasks.roster import shared_task
from nbtasks.task import Task

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture(scope="module", autouse=True)
def importable_side() -> Iterator[None]:
    """The worker finds class_side.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(HERE), os.environ["PYTHONPATH"])))
        yield


@pytest.fixture
def app(shared_app):
    return shared_app


@pytest.fixture(params=["worker", "eager"])
def run(request):
    """Runs a task on a worker, or here."""

    def run(task, *args, **options):
        if request.param == "eager":
            return task.apply(args, **options)
        return task.apply_async(args, **options)

    return run


WELL = [
    "before_start True {}", "run 0", "on_success ['well']", "after_return SUCCESS ['well'] True",
]  # fmt: skip
KEY = [
    "before_start True {}", "run 0", "on_retry KeyError('key')",
    "before_start True {}", "run 1", "on_failure KeyError('key') True True",
    "after_return FAILURE 'key' False",
]  # fmt: skip
VALUE = [
    "before_start True {}", "run 0", "on_failure ValueError('value') True True",
    "after_return FAILURE value False",
]  # fmt: skip


@pytest.mark.parametrize(("how", "told"), [("well", WELL), ("key", KEY), ("value", VALUE)])
def test_handlers_are_called_around_each_try(app, run, tmp_path, how, told):
    task = app.register_task(Told())
    result = run(task, str(tmp_path / "notes"), how)
    assert result.get(timeout=20, propagate=False) is not None
    assert (tmp_path / "notes").read_text().splitlines() == told
    assert result.successful() == (how == "well")


def test_attributes_of_a_class_are_kept_in_each_process(app):
    task = app.task(class_side.opened, base=Database, bind=True)
    found = [task.delay() for _ in range(8)]
    values = [result.get(timeout=20) for result in found]
    assert {count for count, _, _ in values} == {1}
    assert {greeting for _, greeting, _ in values} == {"hello"}
    assert os.getpid() not in {pid for _, _, pid in values}


def test_a_class_of_the_notebook_travels(app, run):
    class Shop(app.Task):
        factor = 3
        queue = "default"

        def price(self, x):
            return self.factor * x

    @app.task(base=Shop, bind=True, max_retries=5)
    def total(self, x):
        self.seen = getattr(self, "seen", 0) + 1
        return self.price(x), self.name, self.max_retries, isinstance(self, Task), self.seen > 0

    assert isinstance(total, Shop)
    assert run(total, 2).get(timeout=20) == (6, total.name, 5, True, True)


def test_a_bound_function_has_its_task(app, run):
    @app.task(bind=True, name="down", queue="default")
    def down(self, number):
        if number:
            return self.replace(self.s(number - 1))
        return self.name, self.options.queue, self.app is not None, self.request.called_directly

    assert run(down, 1).get(timeout=20) == ("down", "default", True, False)


def test_an_unbound_function_knows_its_request_by_its_task(app, run):
    @app.task(name="which")
    def which():
        return which.request.id

    result = run(which)
    assert result.get(timeout=20) == result.id
    assert which() == ""


def test_a_class_may_stand_around_each_call(app, run):
    task = app.task(class_side.plain, base=Loud)
    assert run(task, 1).get(timeout=20) == ["loud", 1, "class_side.plain"]
    assert group(task.s(1), task.s(2)).apply_async().get(timeout=20)[1][:2] == ["loud", 2]


def test_self_is_that_of_a_call_in_its_threads_too(app, run):
    @app.task(bind=True)
    def spread(self):
        found = []
        thread = threading.Thread(target=lambda: found.append(self.request.id))
        thread.start()
        thread.join()
        return found

    result = run(spread)
    assert result.get(timeout=20) == [result.id]


def test_an_async_task_has_its_own_request(app, run):
    class Base(app.Task):
        def after_return(self, *told):
            self.ended = told

    @app.task(bind=True, base=Base)
    async def wait(self, x):
        return self.request.args, x

    assert run(wait, 1).get(timeout=20) == ((1,), 1)
    results = wait.map_async(range(3))
    assert results.get(timeout=20) == [((n,), n) for n in range(3)]


def test_what_before_start_raises_fails_the_task(app, run):
    class Closed(Task):
        def before_start(self, *_):
            raise ConfigError("closed")

    task = app.task(len, base=Closed, name="size")
    with pytest.raises(ConfigError, match="closed"):
        run(task, [1]).get(timeout=20)


def test_on_replace_is_told(app, run):
    class Base(Task):
        def on_replace(self, sig):
            self.replaced_by = sig.name
            return super().on_replace(sig)

    @app.task(bind=True, base=Base)
    def first(self, other):
        try:
            self.replace(other)
        finally:
            assert self.replaced_by == other.name

    size = app.task(len, name="size")
    assert run(first, size.s([1, 2])).get(timeout=20) == 2


def test_attributes_are_options_and_a_decorator_says_more(app):
    class Slow(Task):
        time_limit = 60
        max_retries = None
        ignore_result = True
        queue = "slow"

    task = app.task(len, base=Slow, queue="slower")
    assert (task.options.limit_ms, task.options.queue) == (60_000, "slower")
    assert task.options.ignore_result is True
    with pytest.raises(ConfigError, match=r"priority is 'x'"):
        app.task(len, base=type("Wrong", (Task,), {"priority": "x"}))
    with pytest.raises(ConfigError, match=r"base is <class 'int'>: it must be a class"):
        app.task(len, base=int)


def test_a_class_is_a_task_of_the_app_that_takes_it():
    first, second = (App(f"test-{n}", task_always_eager=True) for n in range(2))

    class Add(first.Task):
        """Adds."""

        priority = 7

        def run(self, x, y=1):
            return x + y

    add = second.register_task(Add)
    assert (add.name, add.sender, add(1, y=2), add.delay(3).get()) == (
        "test_classes.test_a_class_is_a_task_of_the_app_that_takes_it.Add", second, 3, 4,
    )  # fmt: skip
    assert (Add().sender, add.options.priority) == (first, 7)
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        add.delay()
    with pytest.raises(ConfigError, match=r"is not a task"):
        first.register_task(Task())


def test_an_app_may_have_a_class_for_all_its_tasks():
    app = App("test-cls", task_always_eager=True, task_cls=Loud)
    assert app.task(len, name="size").delay([1]) is not None
    assert isinstance(app.task(len, name="size"), Loud)
    assert issubclass(app.Task, Loud)
    shared = shared_task(len, name="size-of-all", base=Loud)
    assert (shared.sender, type(shared)) == (app, Loud)


def test_a_plain_call_has_an_empty_request(app):
    @app.task(bind=True)
    def alone(self):
        self.progress(1, 2)
        return self.request.called_directly, self.request.id, isinstance(self, TaskContext)

    assert alone() == (True, "", True)
