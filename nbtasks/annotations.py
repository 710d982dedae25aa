"""Options of tasks that settings give: `task_annotations` (pure)."""

from collections.abc import Mapping
from typing import Any, Final, cast

from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest

EVERY: Final = "*"

CALL_OPTIONS: Final[Mapping[str, str]] = {
    "acks_late": "acks_late",
    "autoretry_for": "retry_on",
    "compression": "compression",
    "default_retry_delay": "retry_delay",
    "concurrency": "concurrency",
    "durable": "durable",
    "expires": "expires",
    "ignore_result": "ignore_result",
    "max_deliveries": "max_deliveries",
    "max_retries": "retries",
    "priority": "priority",
    "queue": "queue",
    "rate_key": "rate_key",
    "rate_limit": "rate_limit",
    "redrive": "redrive",
    "retry_backoff": "backoff",
    "soft_time_limit": "soft_time_limit",
    "store_errors_even_if_ignored": "store_errors_even_if_ignored",
    "time_limit": "time_limit",
}
"""What an annotation may say, as `@app.task` calls it, and what a call calls that."""


def check_annotations(annotations: object) -> None:
    """Refuse what are no options by the names of tasks.

    Raises:
        ConfigError: An option is unknown; the message names the nearest one.
    """
    if not isinstance(annotations, Mapping):
        raise ConfigError(_wrong(annotations))
    known = cast("Mapping[object, object]", annotations)
    for name, options in known.items():
        if not isinstance(name, str) or not isinstance(options, Mapping):
            raise ConfigError(_wrong(known))
        for option in cast("Mapping[str, object]", options):
            if option not in CALL_OPTIONS:
                raise ConfigError(
                    f"task_annotations says {option!r} of {name!r}"
                    f"{nearest(option, list(CALL_OPTIONS))}"
                )


def annotated(
    annotations: Mapping[str, Mapping[str, Any]], name: str, call: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The options of a call to a task, with what the settings say where the call says nothing.

    Args:
        annotations: The setting.
        name: The task's.
        call: The options.
    """
    if not annotations:
        return call
    said = {**annotations.get(EVERY, {}), **annotations.get(name, {})}
    return {**{CALL_OPTIONS[option]: value for option, value in said.items()}, **call}


def _wrong(annotations: object) -> str:
    return (
        f"task_annotations is {annotations!r}: give options by the names of tasks, such as"
        " {'tasks.add': {'time_limit': 10}}"
    )
