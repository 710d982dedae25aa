"""Apps for tests: one that runs tasks at once, and one on a server of its own."""

import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbtasks import embedded
from nbtasks.app import App, current_app, set_current_app
from nbtasks.embedded import EmbeddedServer
from nbtasks.store.testbed import erase, shut_down


def eager_app(name: str = "test", **settings: Any) -> App:
    """An app whose tasks run at once, in this process, and raise what they fail of: no Redis.

    Args:
        name: Its name.
        **settings: Any setting, such as `task_eager_propagates=False` for errors in results.

    Raises:
        ConfigError: A setting is unknown or wrong.
    """
    given: dict[str, Any] = {"task_always_eager": True, "task_eager_propagates": True, **settings}
    return App(name, **given)


@contextmanager
def private_app(
    server: EmbeddedServer | None = None, *, program: App | None = None, **settings: Any
) -> Generator[App]:
    """An app with a name that no other has, on a private server; what it stored is removed.

    Inside it is the current app, so tasks of `shared_task` are sent by it.

    Args:
        server: The server, as `private_server` gives one; None for one that is started for it.
        program: An app to use in place of a new one, with the tasks that it has. Afterwards its
            server and settings are again what they were.
        **settings: Any setting.

    Raises:
        NoServer: There is no server program: `pip install "nbtasks[server]"` brings one.
        ConfigError: A setting is unknown or wrong.
    """
    if server is None:
        with private_server() as own, private_app(own, program=program, **settings) as app:
            yield app
        return
    here = {"name": f"test-{uuid.uuid4().hex[:12]}", "url": server.url, "key": server.key}
    with _restored(program) as app:
        app.config = app.config.with_settings({**here, "insecure": False, **settings})
        app.expects_workers = False  # `drain` does the work, or a worker that has just come up
        try:
            yield app
        finally:
            if app.is_connected:
                erase(app.store)
                app.close()


@contextmanager
def _restored(program: App | None) -> Generator[App]:
    """An app to be changed, and the current one inside; both are afterwards as they were."""
    before = current_app()
    app = App() if program is None else program
    config, clock, expects = app.config, app.clock, app.expects_workers
    if app.is_connected:
        app.close()
    set_current_app(app)
    try:
        yield app
    finally:
        app.config, app.clock, app.expects_workers = config, clock, expects
        set_current_app(before)


@contextmanager
def private_server() -> Generator[EmbeddedServer]:
    """A server in a folder of its own. It ends afterwards, and also where this process is killed.

    Raises:
        NoServer: There is no server program.
    """
    # Not below the folder of a test: the path of a Unix socket has 100 characters at most.
    with tempfile.TemporaryDirectory(prefix="nbtasks-", ignore_cleanup_errors=True) as folder:
        server = embedded.join(folder=Path(folder) / embedded.FOLDER)
        try:
            yield server
        finally:
            embedded.leave(server.folder)
            shut_down(server.url)
