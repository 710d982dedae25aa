"""The schedule that a program says it has: `beat_schedule`, and what it adds to it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from nbtasks.config import Config
from nbtasks.entry import check_entry_name
from nbtasks.errors import ConfigError
from nbtasks.overlap import Overlap, Policy
from nbtasks.recurring import make_policy
from nbtasks.schedule import Schedule, schedule
from nbtasks.sender import Sender, find_task
from nbtasks.signature import Signature
from nbtasks.spelling import nearest

_FIELDS: Final = (
    "task",
    "schedule",
    "args",
    "kwargs",
    "options",
    "catch_up",
    "overlap",
    "pause_on_failure",
    "jitter",
    "until",
)


@dataclass(frozen=True, slots=True)
class Declared:
    """What is sent, and when."""

    signature: Signature
    rule: Schedule
    policy: Policy


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose entries are changed: a program, and which of its versions; empty for nobody's."""

    program: str = ""
    standing: str = ""


def collect(app: Sender, config: Config, periodic: Mapping[str, Declared]) -> dict[str, Declared]:
    """All entries of a program, by their names.

    Raises:
        ConfigError: One is wrong; the message names it.
    """
    found: dict[str, Declared] = {}
    for name, fields in config.beat_schedule.items():
        check_entry_name(name)
        if name in periodic:
            raise ConfigError(
                f"there are two schedule entries {name!r}, in beat_schedule and by"
                " add_periodic_task: give one of them another name"
            )
        try:
            found[name] = _declared(app, config, fields)
        except (ConfigError, TypeError) as error:
            raise ConfigError(f"beat_schedule[{name!r}]: {error}") from None
    return {**found, **periodic}


def this_program() -> str:
    """The name of the program that runs here: of its main module, or of its file."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return Path(sys.argv[0]).stem or "main"


def _declared(app: Sender, config: Config, fields: Any) -> Declared:
    if not isinstance(fields, Mapping):
        raise ConfigError(f"it is {fields!r}: give a dict with task and schedule")
    given = dict(cast("Mapping[str, Any]", fields))
    for name in given:
        if name not in _FIELDS:
            raise ConfigError(f"there is no field {name!r}{nearest(str(name), _FIELDS)}")
    for name in ("task", "schedule"):
        if name not in given:
            raise ConfigError(f"it has no {name!r}")
    policy = make_policy(
        given.get("catch_up"),
        given.get("overlap", Overlap.SKIP),
        given.get("pause_on_failure", 0),
    )
    when = schedule(
        given["schedule"], tz=config.zone, until=given.get("until"), jitter=given.get("jitter")
    )
    return Declared(_signature(app, given), when, policy)


def _signature(app: Sender, given: Mapping[str, Any]) -> Signature:
    args: tuple[Any, ...] = tuple(given.get("args") or ())
    kwargs: Mapping[str, Any] = given.get("kwargs") or {}
    options: Mapping[str, Any] = given.get("options") or {}
    task: Any = given["task"]
    if isinstance(task, Signature):
        return task.clone(args, kwargs, **options)
    if isinstance(task, str):
        task = find_task(task, app)
    return Signature(task, args, kwargs, options)
