"""The plugin of pytest: fixtures with apps and workers, on a private server of the session.

Nothing of nbtasks is imported before a test asks for one of them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nbtasks.app import App
    from nbtasks.embedded import EmbeddedServer
    from nbtasks.testing import FakeClock, RunningWorker

MARKER = "nbtasks(**settings): settings of the app that nbtasks_app and nbtasks_eager_app give"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def nbtasks_config() -> Mapping[str, Any]:
    """Settings of all apps that the other fixtures give; to be overridden."""
    return {}


@pytest.fixture(scope="session")
def nbtasks_program() -> "App | None":
    """The app of your program, where `nbtasks_app` is to be that one; to be overridden."""
    return None


@pytest.fixture(scope="session")
def nbtasks_worker_parameters() -> Mapping[str, Any]:
    """Options of `nbtasks.testing.start_worker` for all workers; to be overridden."""
    return {}


@pytest.fixture(scope="session")
def nbtasks_server() -> "Iterator[EmbeddedServer]":
    """A private server, which ends with the session; with pytest-xdist one for each process."""
    from nbtasks.testing import private_server

    with private_server() as server:
        yield server


@pytest.fixture
def nbtasks_app(
    nbtasks_server: "EmbeddedServer",
    nbtasks_program: "App | None",
    nbtasks_config: Mapping[str, Any],
    request: pytest.FixtureRequest,
) -> "Iterator[App]":
    """An app of the test's own: it sees nothing of other tests, and leaves nothing behind."""
    from nbtasks.testing import private_app

    settings = {**nbtasks_config, **_marked(request)}
    with private_app(nbtasks_server, program=nbtasks_program, **settings) as app:
        yield app


@pytest.fixture
def nbtasks_worker(
    nbtasks_app: "App", nbtasks_worker_parameters: Mapping[str, Any]
) -> "Iterator[RunningWorker]":
    """A real worker for `nbtasks_app`, in a process of its own."""
    from nbtasks.testing import start_worker

    with start_worker(nbtasks_app, **nbtasks_worker_parameters) as worker:
        yield worker


@pytest.fixture(scope="session")
def nbtasks_session_app(
    nbtasks_server: "EmbeddedServer", nbtasks_config: Mapping[str, Any]
) -> "Iterator[App]":
    """An app for all tests of the session."""
    from nbtasks.testing import private_app

    with private_app(nbtasks_server, **nbtasks_config) as app:
        yield app


@pytest.fixture(scope="session")
def nbtasks_session_worker(
    nbtasks_session_app: "App", nbtasks_worker_parameters: Mapping[str, Any]
) -> "Iterator[RunningWorker]":
    """A real worker for `nbtasks_session_app`, which is started once."""
    from nbtasks.testing import start_worker

    with start_worker(nbtasks_session_app, **nbtasks_worker_parameters) as worker:
        yield worker


@pytest.fixture
def nbtasks_eager_app(
    nbtasks_config: Mapping[str, Any], request: pytest.FixtureRequest
) -> "Iterator[App]":
    """An app whose tasks run at once, in this process; no server is started for it."""
    from nbtasks.app import current_app, set_current_app
    from nbtasks.testing import eager_app

    before = current_app()
    yield eager_app(**{**nbtasks_config, **_marked(request)})
    set_current_app(before)


@pytest.fixture
def nbtasks_clock(nbtasks_app: "App") -> "FakeClock":
    """A clock that moves the time of `nbtasks_app`."""
    from nbtasks.testing import FakeClock

    return FakeClock(nbtasks_app)


@pytest.fixture
def nbtasks_drain(nbtasks_app: "App") -> Callable[..., list[Any]]:
    """Run all that waits in `nbtasks_app`: `nbtasks.testing.drain` for it."""
    from functools import partial

    from nbtasks.testing import drain

    return partial(drain, nbtasks_app)


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of the markers of a test, the nearest last."""
    marks = reversed(list(request.node.iter_markers("nbtasks")))
    return {name: value for mark in marks for name, value in mark.kwargs.items()}
