"""`app.conf`: the settings of an app to read and to change, and where they may be read from."""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any, Final, NoReturn, Protocol, cast

from nbtasks.config import KINDS, Config
from nbtasks.errors import ConfigError
from nbtasks.settings import names_of, shown
from nbtasks.spelling import nearest

_OF_CONNECTION: Final = ("name", "url", "key", "insecure", "encrypt")
_NO_VALUES: Final = (ModuleType, FunctionType, type)


class Configured(Protocol):
    """What has settings."""

    config: Config

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection."""
        ...


class Conf(Mapping[str, Any]):
    """The settings of an app, by attribute or by item, under any of their names.

    `app.conf.task_time_limit = 30`, `app.conf["task_time_limit"]`, `app.conf.update(...)`.
    """

    __slots__ = ("_app",)

    def __init__(self, app: Configured) -> None:
        object.__setattr__(self, "_app", app)

    def __repr__(self) -> str:
        return repr(self._app.config)

    def __getitem__(self, name: str) -> Any:
        config: Config = self._app.config
        try:
            return shown(name, {field: getattr(config, field) for field in KINDS})
        except KeyError:
            raise KeyError(_unknown(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(names_of(KINDS))

    def __len__(self) -> int:
        return len(names_of(KINDS))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(_unknown(name)) from None

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delattr__(self, name: str) -> NoReturn:
        raise ConfigError(f"{name} cannot be deleted: a setting always has a value")

    def update(self, settings: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Change several settings at once; where one of them is wrong, none is changed.

        Args:
            settings: Names and values.
            **more: More of them.

        Raises:
            ConfigError: A setting is unknown or wrong, or too late: the app is connected.
        """
        self._change({**(settings or {}), **more}, "")

    def read(self, source: object, namespace: str = "") -> None:
        """Change settings to what a module, an object or a mapping says.

        Args:
            source: It, or the name of a module, `module:object` for something in one.
            namespace: Only names that begin so and with `_` are settings; case does not matter
                then. By default all lower-case names are.

        Raises:
            ConfigError: A setting is unknown or wrong; the message says where it stands.
            ImportError: There is no such module.
        """
        found = _imported(source) if isinstance(source, str) else source
        where = f"in {source!r}" if isinstance(source, str) else f"in {_name_of(found)}"
        self._change(_chosen(_attributes(found), namespace), where)

    def _change(self, settings: Mapping[str, Any], source: str) -> None:
        app = self._app
        changed: Config = app.config.with_settings(settings, source)
        if app.is_connected:
            for name in _OF_CONNECTION:
                if getattr(changed, name) != getattr(app.config, name):
                    raise ConfigError(
                        f"{name} cannot be changed now: the app is connected. Set it before the"
                        " first task is sent, or call close() first"
                    )
        app.config = changed


def read_variable(variable: str) -> str:
    """The name of the module that a variable names.

    Raises:
        ConfigError: It is not set.
    """
    name = os.environ.get(variable, "").strip()
    if not name:
        raise ConfigError(f"{variable} is not set: it must name a module with settings")
    return name


def _imported(name: str) -> Any:
    module, _, attributes = name.partition(":")
    found: Any = import_module(module)
    for part in attributes.split(".") if attributes else ():
        found = getattr(found, part)
    return found


def _name_of(source: object) -> str:
    return repr(getattr(source, "__name__", type(source).__name__))


def _attributes(source: object) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return cast("Mapping[str, Any]", source)
    found = {name: getattr(source, name) for name in dir(source) if not name.startswith("_")}
    return {name: value for name, value in found.items() if not isinstance(value, _NO_VALUES)}


def _chosen(settings: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Those of the namespace, in lower case; without one those in lower case."""
    if namespace:
        prefix = f"{namespace.rstrip('_')}_".lower()
        return {
            name.lower().removeprefix(prefix): value
            for name, value in settings.items()
            if name.lower().startswith(prefix)
        }
    known = names_of(KINDS)
    for name in settings:
        if name.isupper() and name.lower() in known:
            raise ConfigError(f"{name} is a setting in capitals: write {name.lower()}")
    return {name: value for name, value in settings.items() if not name.isupper()}


def _unknown(name: str) -> str:
    return f"there is no setting {name!r}{nearest(name, names_of(KINDS))}"
