"""A schedule from whatever stands for one, and from the JSON that is stored."""

from collections.abc import Callable, Mapping
from datetime import UTC, timedelta, tzinfo
from typing import Any, Final

from nbtasks.errors import ConfigError
from nbtasks.schedule.base import VERSION, Duration, Schedule, limits
from nbtasks.schedule.cron import crontab
from nbtasks.schedule.every import every
from nbtasks.schedule.solar import solar
from nbtasks.schedule.texts import read_text
from nbtasks.schedule.zones import Moment, zone_name

_KINDS: Final[Mapping[str, Callable[..., Schedule]]] = {
    "crontab": crontab,
    "every": every,
    "solar": solar,
}


def schedule(
    value: Schedule | float | timedelta | str,
    *,
    tz: str | tzinfo | None = None,
    until: Moment | None = None,
    jitter: Duration | None = None,
) -> Schedule:
    """What stands for a schedule, as one.

    Args:
        value: A schedule; seconds or a timedelta, for `every`; text: a length of time (`10m`,
            `every 10m`), five cron fields or a word like `@daily`, a time of the day (`at 07:00`,
            `at 07:00 mon-fri`), an event of the sun and a place (`sunset 48.85 2.35`).
        tz: The time zone of a cron rule that has none.
        until: The last moment it may be due; None: as it says.
        jitter: Fired up to so much later; None: as it says.

    Raises:
        ConfigError: It is none of these, or wrong in itself.
    """
    made = _made(value)
    if isinstance(made, crontab) and not made.tz:
        made = made.changed(tz=zone_name(tz))
    given = limits(until, jitter, made.zone or UTC)
    if until is None:
        del given["until_ms"]
    if jitter is None:
        del given["jitter_ms"]
    return made.changed(**given) if given else made


def _made(value: object) -> Schedule:
    if isinstance(value, Schedule):
        return value
    if isinstance(value, str):
        found = read_text(value)
        if found is not None:
            return found
    elif isinstance(value, (int, float, timedelta)) and not isinstance(value, bool):
        return every(value)
    raise ConfigError(
        f"{value!r} is no schedule: give seconds, a timedelta, text like '10m', 'at 07:00',"
        " '@daily' or '0 7 * * mon-fri', or crontab(...), every(...), solar(...)"
    )


def amended(
    rule: Schedule,
    value: Schedule | float | timedelta | str | None,
    *,
    tz: str | tzinfo | None = None,
    until: Moment | None = None,
    jitter: Duration | None = None,
    usual: str = "",
) -> Schedule:
    """A rule with what is given in the place of what it says.

    Args:
        rule: The rule so far.
        value: As `schedule` takes it; None for this rule. What text and numbers cannot say stays:
            zone, anchor, `until`, jitter.
        tz: The time zone of a cron rule.
        until: The last moment it may be due.
        jitter: Fired up to so much later.
        usual: The time zone of a cron rule that has none.

    Raises:
        ConfigError: It is no schedule, or wrong in itself.
    """
    made = rule if value is None else _made(value)
    if not isinstance(value, Schedule):
        kept: dict[str, Any] = {"until_ms": rule.until_ms, "jitter_ms": rule.jitter_ms}
        if isinstance(made, crontab) and isinstance(rule, crontab):
            kept["tz"] = rule.tz
        if isinstance(made, every) and isinstance(rule, every):
            kept["anchor_ms"] = rule.anchor_ms
        made = made.changed(**kept)
    if tz is not None and isinstance(made, crontab):
        made = made.changed(tz="")
    return schedule(made, tz=usual if tz is None else tz, until=until, jitter=jitter)


def schedule_from_json(data: Mapping[str, Any]) -> Schedule:
    """What `to_json` gave.

    Raises:
        ConfigError: It is of a later version, damaged, or of a zone that is not known here.
    """
    kind = _KINDS.get(data.get("kind", ""))
    if data.get("v") != VERSION or kind is None:
        raise ConfigError(
            f"a stored schedule of version {data.get('v')!r} and kind {data.get('kind')!r} cannot"
            " be read here: it was written by another version of nbtasks"
        )
    rest = {
        key: value for key, value in data.items() if key not in {"v", "kind", "until", "jitter"}
    }
    try:
        made = kind(**rest)
    except TypeError as error:
        raise ConfigError(f"a stored schedule is damaged: {error}") from None
    limited = {f"{name}_ms": data[name] for name in ("until", "jitter") if name in data}
    return made.changed(**limited) if limited else made
