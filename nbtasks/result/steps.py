"""The tasks of a canvas as this client knows them: a record, and what it waits for."""

from dataclasses import dataclass

from nbtasks.live import LiveRecord
from nbtasks.plan import Role


@dataclass(frozen=True, slots=True)
class Link:
    """To a step that another waits for: its place, and `span` and `index` as in `plan.Source`."""

    before: int
    span: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One record of a canvas."""

    record: LiveRecord
    role: Role = Role.TASK
    links: tuple[Link, ...] = ()
    group_id: str = ""
