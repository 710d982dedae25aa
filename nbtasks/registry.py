"""Programs and their tasks, by name: what `-A` names, and what `send_task` sends."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from nbtasks.app import App, current_app, known_apps, set_current_app
from nbtasks.config import Config
from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest
from nbtasks.task import Task


def find_app(place: str) -> App:
    """The app of a program: `shop.tasks`, or `shop.tasks:app`.

    Raises:
        ConfigError: The module cannot be imported, or there is no app.
    """
    app = _find(place)
    app.finalize()
    return app


def _find(place: str) -> App:
    module, _, attribute = place.partition(":")
    try:
        found: Any = import_module(module)
    except ImportError as error:
        raise ConfigError(f"-A {place!r}: {error}; run it in the folder of the program") from error
    if not attribute:
        values = (getattr(found, name) for name in dir(found))
        apps = [value for value in values if isinstance(value, App)]
        return apps[0] if apps else current_app()
    app = getattr(found, attribute, None)
    if not isinstance(app, App):
        raise ConfigError(f"-A {place!r}: module {module!r} has no app {attribute!r}")
    return app


def take_on(program: App | None, config: Config) -> App:
    """Make an app the current one, with these settings: a program's, or a new one.

    What the tasks of a program send is then sent as its worker is told to, not as its module says.
    """
    if program is None:
        app = App.from_config(config)
    else:
        app = program
        app.close()  # what its module may have done with it
        app.config = config
    set_current_app(app)
    return app


def find_registered(name: str, imports: Iterable[str]) -> Task[..., Any]:
    """The task of a name, of any app of this process.

    Args:
        name: The task's.
        imports: Modules that are imported first, where none has it.

    Raises:
        ConfigError: There is none; the message names the nearest.
        ImportError: One of the modules cannot be imported.
    """
    found = known_task(name)
    if found is None:
        for module in imports:
            _import(module)
        found = known_task(name)
    if found is None:
        _import_home(name.rpartition(".")[0])
        found = known_task(name)
    if found is None:
        near = nearest(name, registered_names())
        raise ConfigError(
            f"this worker has no task {name!r}{near}. Start it with -A, or name the module in the"
            " setting imports"
        )
    return found


def registered_names() -> list[str]:
    """The tasks of all apps of this process, by name."""
    return sorted({name for app in known_apps() for name in app.tasks})


def known_task(name: str) -> Task[..., Any] | None:
    """The task of a name, of any app of this process; None where none has it."""
    return next((app.tasks[name] for app in known_apps() if name in app.tasks), None)


def _import(module: str) -> None:
    """Import a module; the current app stays the current one, whatever apps it makes."""
    current = current_app()
    try:
        import_module(module)
    finally:
        set_current_app(current)


def _import_home(module: str) -> None:
    """Import the module that the name of a task begins with, if there is one."""
    try:
        if module:
            _import(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
