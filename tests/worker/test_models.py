"""Tasks whose arguments pydantic makes models of."""

import model_chores
import pytest
from pydantic import ValidationError

from nbtasks import validating
from nbtasks.app import App
from nbtasks.errors import ConfigError, RemoteError

BREAD = {"item": "bread", "number": "3"}


@pytest.fixture
def app(shared_app, shared_worker):  # noqa: ARG001 - it is to run
    return shared_app


@pytest.fixture(params=["worker", "eager"])
def run(request):
    """Runs a task on a worker, or here, and gives its value."""

    def run(task, *args, **kwargs):
        sent = task.apply(args, kwargs) if request.param == "eager" else task.delay(*args, **kwargs)
        return sent.get(timeout=20)

    return run


def test_dicts_become_models_and_models_dicts(app, run):
    task = app.task(model_chores.bill, pydantic=True)
    assert run(task, BREAD) == {"text": "bread", "total": 6.0}
    assert run(task, order=BREAD, price=1, more=[BREAD, {"item": "x"}]) == {
        "text": "bread",
        "total": 7,
    }
    assert run(task, model_chores.Order(item="cake")) == {"text": "cake", "total": 2.0}
    assert task(BREAD) == {"text": "bread", "total": 6.0}


def test_coroutines_bound_functions_and_containers_have_models_too(app, run):
    assert run(app.task(model_chores.bill_async, pydantic=True), BREAD) == [
        {"text": "bread", "total": 6.0}
    ]
    assert run(app.task(model_chores.plain, pydantic=True), 5) == {
        "order": {"item": "5", "number": 5}
    }
    bound = app.task(model_chores.bound, pydantic=True, bind=True, name="bound")
    assert run(bound, BREAD) == ["bound", "bread"]
    assert run(bound) == ["bound", None]


def test_what_is_no_model_is_refused_at_the_call_or_on_the_worker(app):
    task = app.task(model_chores.bill, pydantic=True)
    with pytest.raises(ValidationError, match="item"):
        task.delay({"number": 3})
    with pytest.raises(ValidationError, match="valid dictionary or instance"):
        task.delay(5).get(timeout=20)
    with pytest.raises(ValidationError, match="order"):
        (app.task(model_chores.plain).s(3) | task.s()).delay().get(timeout=20)


def test_what_is_not_known_at_the_call_is_looked_at_on_the_worker(app):
    task, name = app.task(model_chores.bill, pydantic=True), app.task(model_chores.name_of)
    assert task.delay({"item": name.delay("x")}).get(timeout=20)["text"] == "x"
    with pytest.raises(ValidationError, match="item"):
        task.delay({"item": name.delay(None)}).get(timeout=20)


def test_with_json_dicts_are_all_that_travels(app):
    config = app.config
    plain = App(config.name, broker=config.url, key=config.key, serializer="json")
    task = plain.register_task(model_chores.total)
    assert task.delay([BREAD, BREAD]).get(timeout=20) == {"text": "total", "total": 12.0}
    with pytest.raises(RemoteError, match="item"):
        task.delay([{}]).get(timeout=20)
    plain.close()


def test_a_function_of_a_notebook_may_have_models(app):
    def greet(order: model_chores.Order) -> str:
        return order.item

    assert app.task(pydantic=True)(greet).delay(BREAD).get(timeout=20) == "bread"


def test_strictness_context_and_how_models_are_dumped_may_be_said(app):
    strict = app.task(model_chores.bill, pydantic=True, pydantic_strict=True)
    with pytest.raises(ValidationError, match="valid integer"):
        strict.delay(BREAD)
    sold = {"sold": ["bread"]}
    told = app.task(model_chores.bill, pydantic=True, pydantic_context=sold, name="shop")
    with pytest.raises(ValidationError, match="bread is sold, says shop"):
        told.delay(BREAD)
    only = {"include": {"total"}}
    short = app.task(model_chores.bill, pydantic=True, pydantic_dump_kwargs=only)
    assert short.delay(BREAD).get(timeout=20) == {"total": 6.0}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pydantic_strict": True}, "pydantic_strict of task 'bill' needs pydantic=True"),
        ({"pydantic": True, "pydantic_context": 5}, "pydantic_context is 5: it must be a dict"),
    ],
    ids=["without", "context"],
)
def test_options_that_cannot_be_are_errors(options, words):
    with pytest.raises(ConfigError, match=words):
        App("test-models").task(model_chores.bill, **options)


def test_annotations_that_cannot_be_read_are_an_error():
    def odd(order: "Nowhere"):  # noqa: F821 - it is nowhere
        return order

    with pytest.raises(ConfigError, match="name 'Nowhere' is not defined"):
        App("test-models").task(odd, pydantic=True)


def test_without_the_package_there_is_a_word_of_it(monkeypatch):
    monkeypatch.setattr(validating, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'nbtasks\[pydantic\]'"):
        App("test-models").task(model_chores.bill, pydantic=True)
