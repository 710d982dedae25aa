"""What a signature comes to that runs again and again (pure)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, cast

from nbtasks.durations import read_seconds
from nbtasks.errors import ConfigError
from nbtasks.options import duration_ms
from nbtasks.overlap import CATCH_UP_MS, Overlap, Policy
from nbtasks.plan import All, Many, Node, One, Value
from nbtasks.record import member_id, new_id
from nbtasks.schedule import Schedule

Duration = float | timedelta | str

MOST_TIMES: Final = 10_000
"""Of one backfill."""

_NOT_AGAIN: Final = ("task_id", "eta")


def make_policy(catch_up: Duration | None, overlap: str, pause_on_failure: int) -> Policy:
    """The policies of an entry, as a user gives them.

    Raises:
        ConfigError: One is wrong.
    """
    seconds = read_seconds(catch_up) if isinstance(catch_up, str) else catch_up
    if seconds is None and catch_up is not None:
        raise ConfigError(f"catch_up is {catch_up!r}: write a length of time such as 10m or 1h30m")
    window = CATCH_UP_MS if seconds is None else duration_ms(seconds, "catch_up")
    return Policy(
        catch_up_ms=window, overlap=cast("Overlap", overlap), pause_on_failure=pause_on_failure
    )


def name_nodes(name: str, nodes: Sequence[Node]) -> None:
    """Give the nodes of an entry ids that begin with that of the first, and groups likewise.

    Raises:
        ConfigError: An option makes sense for one run only.
    """
    base, groups = new_id(), dict[str, str]()
    for at, node in enumerate(nodes):
        for option in _NOT_AGAIN:
            if node.options.get(option) is not None:
                raise ConfigError(
                    f"schedule entry {name!r}: {option} is for one run, and this one runs again"
                )
        if isinstance(node.options.get("expires"), datetime):
            raise ConfigError(
                f"schedule entry {name!r}: expires is a date, and this runs again: give seconds"
            )
        node.rid = f"{base}.{at}" if at else base
        if node.group_id:
            node.group_id = groups.setdefault(node.group_id, f"{base}.g{len(groups)}")


def plain_value(value: Value) -> Any:
    """The ids of the tasks that a plan returns the value of: one, or a list."""
    match value:
        case One(node, index):
            return member_id(node.rid, index, len(node.calls))
        case Many(items):
            found: list[str] = []
            for item in items:
                ids = plain_value(item) if not isinstance(item, All) else _members(item.node)
                found += [ids] if isinstance(ids, str) else ids
            return found
        case _:
            return value.rid


def _members(node: Node) -> list[str]:
    return [member_id(node.rid, at, len(node.calls)) for at in range(len(node.calls))]


def times(rule: Schedule, start: int, stop: int) -> list[int]:
    """The times of a schedule from `start` to `stop` (ms), up to one above `MOST_TIMES`."""

    def walk() -> Iterator[int]:
        time = rule.next_after_ms(start - 1)
        while time is not None and time <= stop:
            yield time
            time = rule.next_after_ms(time)

    return list(islice(walk(), MOST_TIMES + 1))


def short(text: str, most: int = 200) -> str:
    """The text, cut where it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"
