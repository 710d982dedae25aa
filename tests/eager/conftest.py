"""An app whose tasks run in this process, and some tasks."""

import pytest
from eager_side import make_eager_app


@pytest.fixture
def app():
    """The test fails where it has looked for a Redis."""
    app = make_eager_app()
    yield app
    assert not app.is_connected


@pytest.fixture
def add(app):
    return app.task(name="add")(lambda x, y: x + y)


@pytest.fixture
def same(app):
    return app.task(name="same")(lambda value: value)


@pytest.fixture
def fail(app):
    @app.task(name="fail")
    def fail(*args):
        raise ValueError(*args)

    return fail


@pytest.fixture
def ask(app):
    """A task that returns what the test wants to know of it."""
    return app.task(name="ask", bind=True)(lambda self, look, *_: look(self))
