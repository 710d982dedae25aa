"""What settings are called, and how they are written: Celery's names, texts, pyproject.toml (pure).

A setting has the name of the field of `Config` that holds it. Celery's name for the same thing is
as good; where its unit is another one (seconds, kB), so is its value.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest

PREFIX: Final = "NBTASKS_"
NO_SETTINGS: Final = frozenset(("KEY_FILE", "HOME", "SERVER", "GRACE", "UI", "UI_FLUSH"))
"""Variables that begin like a setting, and are none."""

MAX_SECONDS: Final = 1e9
SAME: Final = "same"
SECONDS: Final = "seconds"
KILOBYTES: Final = "kilobytes"
_SCALES: Final = {SECONDS: 1000, KILOBYTES: 1024}


class Alias(NamedTuple):
    """Another name of a field, and the unit of its value under that name."""

    field: str
    unit: str = SAME


ALIASES: Final[Mapping[str, Alias]] = {
    "broker_url": Alias("url"),
    "include": Alias("imports"),
    "result_expires": Alias("result_expires_ms", SECONDS),
    "result_serializer": Alias("serializer"),
    "task_default_queue": Alias("default_queue"),
    "task_default_retry_delay": Alias("task_default_retry_delay_ms", SECONDS),
    "task_serializer": Alias("serializer"),
    "task_soft_time_limit": Alias("task_soft_time_limit_ms", SECONDS),
    "task_time_limit": Alias("task_time_limit_ms", SECONDS),
    "worker_max_memory_per_child": Alias("worker_max_memory", KILOBYTES),
}
"""Celery's names."""

FIXED: Final[Mapping[str, tuple[Any, str]]] = {
    "task_track_started": (True, "a task that runs for more than 20 ms is shown as STARTED"),
    "worker_send_task_events": (True, "what becomes of tasks is always told"),
}
"""Settings of Celery's that can have one value here, and why."""

BACKEND: Final = "result_backend"
DATABASE: Final = "db+"
"""So begins a `result_backend` that is a database: here it is an archive beside Redis."""
_CONTENT_TYPES: Final = {
    "application/json": "json",
    "application/x-python-serialize": "pickle",
}
_NEVER_IN_FILES: Final = ("key", "insecure")
_TRUE: Final = ("1", "true")
_FALSE: Final = ("", "0", "false")


def names_of(kinds: Mapping[str, Any]) -> list[str]:
    """All names that settings have."""
    return [*kinds, *ALIASES, *FIXED, BACKEND]


def translate(settings: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Fields and their values, from settings under any of their names.

    Args:
        settings: What was given.
        kinds: The fields, and their types.

    Raises:
        ConfigError: There is no such setting, a value is wrong, or two names say different things.
    """
    found: dict[str, Any] = {}
    said: dict[str, str] = {}
    for name, given in settings.items():
        if name in FIXED:
            _check_fixed(name, given)
            continue
        field, value = _read(name, given, kinds)
        if field in found and found[field] != value:
            raise ConfigError(
                f"{said[field]} and {name} say the same, and differ: give one of them"
            )
        found[field], said[field] = value, name
    backend = found.pop(BACKEND, None)
    if isinstance(backend, str) and backend.startswith(DATABASE):
        found.setdefault("archive_url", backend.removeprefix(DATABASE))
        return found
    if backend and backend != found.get("url", backend):
        # Not the values: a URL may hold a password.
        raise ConfigError(
            f"{BACKEND} is not {said['url']}: tasks and results are in the same Redis, so leave it"
            " out"
        )
    if backend:
        found["url"] = backend
    return found


def shown(name: str, fields: Mapping[str, Any]) -> Any:
    """The value of a setting under one of its names; None for a limit that there is not.

    Raises:
        KeyError: There is no such setting.
    """
    if name in FIXED:
        return FIXED[name][0]
    if name == BACKEND:
        return DATABASE + archive if (archive := fields["archive_url"]) else fields["url"]
    field, unit = ALIASES.get(name, Alias(name))
    value = fields[field]
    if unit == SAME:
        return value
    return value / _SCALES[unit] if value else None


def _check_fixed(name: str, given: object) -> None:
    value, reason = FIXED[name]
    if given != value:
        raise ConfigError(f"{name} is {given!r}: it is always {value!r} here, because {reason}")


def _read(name: str, given: Any, kinds: Mapping[str, Any]) -> tuple[str, Any]:
    if name == BACKEND:
        return name, given
    field, unit = ALIASES.get(name, Alias(name))
    if field not in kinds:
        raise ConfigError(f"there is no setting {name!r}{nearest(name, names_of(kinds))}")
    if unit != SAME:
        return field, _scaled(name, given, unit)
    if field in {"serializer", "accept_content"}:
        return field, _short_names(given)
    return field, given


def _scaled(name: str, given: Any, unit: str) -> int:
    if given is None:
        return 0
    is_time = unit == SECONDS and isinstance(given, timedelta)
    value: Any = given.total_seconds() if is_time else given
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < MAX_SECONDS:
        what = "seconds, or a timedelta" if unit == SECONDS else "kB"
        raise ConfigError(f"{name} is {given!r}: give {what}, from 0")
    return round(float(value) * _SCALES[unit])


def _short_names(given: Any) -> Any:
    """Forms may be named by their content types, as in Celery."""
    if isinstance(given, str):
        return _CONTENT_TYPES.get(given, given)
    if isinstance(given, (list, tuple, set, frozenset)):
        several = cast("Iterable[Any]", given)
        return tuple(_CONTENT_TYPES.get(str(each), each) for each in several)
    return given


# Texts


def from_variables(environ: Mapping[str, str], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from variables like `NBTASKS_TASK_TIME_LIMIT=30`.

    Raises:
        ConfigError: There is no such setting, or a text says no such value; it names the variable.
    """
    found: dict[str, Any] = {}
    known = names_of(kinds)
    for variable, text in environ.items():
        word = variable.removeprefix(PREFIX)
        if word == variable or word in NO_SETTINGS:
            continue
        name = word.lower()
        if name not in known:
            hint = nearest(variable, [f"{PREFIX}{each.upper()}" for each in known])
            raise ConfigError(f"{variable} is set, and there is no setting {name!r}{hint}")
        if text.strip():
            found[name] = from_text(text.strip(), variable, _kind_of(name, kinds))
    return found


def _kind_of(name: str, kinds: Mapping[str, Any]) -> Any:
    if name in FIXED:
        return bool
    field, unit = ALIASES.get(name, Alias(name))
    return kinds.get(field, str) if unit == SAME else float


def from_text(text: str, what: str, kind: Any) -> Any:
    """The value of a type that a text says.

    Raises:
        ConfigError: It says none; `what` says where it stands.
    """
    if kind is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ConfigError(f"{what} is {text.lower()!r}: it must be 1 or 0")
        return text.lower() in _TRUE
    if kind is int:
        if not text.isdecimal():
            raise ConfigError(f"{what} is {text!r}: it must be a whole number from 0")
        return int(text)
    if kind is float:
        try:
            return float(text)
        except ValueError:
            raise ConfigError(f"{what} is {text!r}: it must be a number") from None
    if kind is str:
        return text
    if kind is bytes:
        return text.encode("utf-8", "surrogateescape")
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    raise ConfigError(f"{what} is set: such a setting is no text, so say it in Python")


# Files


def from_project(folder: Path) -> tuple[dict[str, Any], str]:
    """The table `[tool.nbtasks]` of the nearest pyproject.toml, and the path of that file.

    Args:
        folder: Where to look, and in all folders above it.

    Raises:
        ConfigError: The file cannot be read, or the table has what belongs in no file.
    """
    for place in (folder, *folder.parents):
        path = place / "pyproject.toml"
        try:
            stamp = path.stat()
        except OSError:
            continue
        table = _table(str(path), stamp.st_mtime_ns, stamp.st_size)
        for name in _NEVER_IN_FILES:
            if name in table:
                raise ConfigError(
                    f"{name} stands in [tool.nbtasks] of {str(path)!r}: what guards a Redis belongs"
                    " in no project; set it in the environment"
                )
        return dict(table), str(path)
    return {}, ""


@lru_cache(maxsize=8)
def _table(path: str, _mtime: int, _size: int) -> Mapping[str, Any]:
    try:
        text = Path(path).read_text("utf-8")
        # Most have no such table, and reading it all takes milliseconds.
        found: Mapping[str, Any] = tomllib.loads(text) if "nbtasks" in text else {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path!r} cannot be read: {error}") from None
    table: Mapping[str, Any] = found.get("tool", {}).get("nbtasks", {})
    return table


def working_folder() -> Path:
    """Where this process is; the root where that folder is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.sep)
