"""A canvas that goes on in the place of a task: what the task then waits for (pure)."""

from typing import Any, Final

from nbtasks.inputs import Inputs
from nbtasks.plan import Node, Plan, Sources

_NOBODY: Final[Any] = None


def inputs_of(plan: Plan) -> Inputs:
    """What somebody takes who waits for a plan that was sent: its value."""
    waits = Sources(Node(task=_NOBODY, calls=[((), {})], after=plan.value))
    return Inputs(sources=tuple(source.text for source in waits.all), take=waits.take)
