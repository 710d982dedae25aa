"""A canvas that a running task sends: to go on in its place, or to be added to its chord (pure)."""

from collections.abc import Mapping
from typing import Any, Final

from nbtasks.errors import ConfigError
from nbtasks.inputs import Inputs
from nbtasks.plan import Node, One, Plan, Sources
from nbtasks.signature import Signature

_NOBODY: Final[Any] = None


def check_canvas(signature: Any) -> Signature:
    """The same, if it is a canvas.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(signature, Signature):
        raise ConfigError(
            f"{signature!r} is no signature, chain, group or chord, so nothing of it can be sent"
        )
    return signature


def mark(plan: Plan, signature: Any, *, group_id: str, stamps: Mapping[str, Any]) -> None:
    """Give a canvas the group and the stamps of the task that sends it.

    Args:
        plan: What it was compiled to.
        signature: The canvas, for words.
        group_id: The group of the task; its place in it is taken by what the canvas ends with.
        stamps: The task's stamps; those of the canvas's own win.

    Raises:
        ConfigError: There is nothing in it to run.
    """
    if plan.value is None:
        raise ConfigError(
            f"{signature!r} has nothing to run, so nobody can wait for it: give it a task, or"
            " return the value"
        )
    for node in plan.nodes:
        node.stamps = {**stamps, **node.stamps}
    if isinstance(plan.value, One) and not plan.value.node.group_id:
        plan.value.node.group_id = group_id


def no_chord(task_id: str) -> ConfigError:
    """What is wrong where a task adds to the chord it is in, and is in none."""
    return ConfigError(
        f"task {task_id!r} is in no chord: add_to_chord is for a task in the header of one, and not"
        " for what was added later, or goes on in the place of another"
    )


def value_of(plan: Plan) -> Sources:
    """What somebody waits for who waits for the value of a plan."""
    return Sources(Node(task=_NOBODY, calls=[((), {})], after=plan.value))


def inputs_of(plan: Plan) -> Inputs:
    """What somebody takes who waits for a plan that was sent: its value."""
    waits = value_of(plan)
    return Inputs(
        sources=tuple(source.text for source in waits.all),
        take=waits.take,
        counts=tuple(source.count for source in waits.all),
    )
