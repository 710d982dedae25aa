"""A canvas as text for elsewhere: Python code of the same form, and Mermaid (pure)."""

import keyword
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from nbtasks.plan import Role
from nbtasks.result.picture import crowds_of
from nbtasks.result.steps import Link, Step

MOST_LINES: Final = 500

_HEAD: Final = "# The form of a canvas; ... stands for arguments that are not known here.\n"


def to_code(steps: Sequence[Step]) -> str:
    """Python that sends tasks of the same names, which wait for each other in the same way.

    Each task is sent as a call, and results stand among the arguments of those that wait for them.
    What it was called with besides is not known.
    """
    names = _variables(steps)
    lines = [_call(step, names[at], names) for at, step in enumerate(steps[:MOST_LINES])]
    if len(steps) > MOST_LINES:
        lines.append(f"# … and {len(steps) - MOST_LINES:,} more")
    return _HEAD + "\n".join(lines)


def to_mermaid(steps: Sequence[Step]) -> str:
    """A flowchart; many tasks of a name that come after the same ones are one box."""
    crowds = crowds_of(steps)[:MOST_LINES]
    lines = ["flowchart LR"]
    for at, crowd in enumerate(crowds):
        label = crowd.name if crowd.role is Role.TASK else f"{crowd.role}: {crowd.name}"
        many = f" × {crowd.count:,}" if crowd.count > 1 else ""
        lines.append(f'  t{at}["{_quoted(label + many)}"]')
    for at, crowd in enumerate(crowds):
        arrow = "-->" if crowd.role is Role.TASK else "-.->"
        lines += [f"  t{before} {arrow} t{at}" for before in crowd.before]
    return "\n".join(lines)


def _variables(steps: Sequence[Step]) -> list[str]:
    """A name for what each step gives: that of its task, numbered where it is not the only one."""
    plain = [re.sub(r"\W", "_", step.record.name.rpartition(".")[2]) or "task" for step in steps]
    several = Counter(plain)
    seen: Counter[str] = Counter()
    names: list[str] = []
    for name in plain:
        seen[name] += 1
        names.append(f"{name}_{seen[name]}" if several[name] > 1 else f"{name}_result")
    return names


def _call(step: Step, variable: str, names: Sequence[str]) -> str:
    task = step.record.name.rpartition(".")[2]
    if not task.isidentifier() or keyword.iskeyword(task):
        task = f"app.tasks[{step.record.name!r}]"
    if step.role is not Role.TASK:
        watched = ", ".join(dict.fromkeys(names[link.before] for link in step.links))
        return f"# {task} is an {step.role} of {watched}".replace("an callback", "a callback")
    values = [_value(link, names) for link in step.links]
    call = f"{task}.delay({', '.join([*dict.fromkeys(values), '...'])})"
    if step.record.n == 1:
        return f"{variable} = {call}"
    each = next((names[link.before] for link in step.links if link.span == "e"), "")
    over = f"each in {each}" if each else f"_ in range({step.record.n})"
    return f"{variable} = [{call} for {over}]"


def _value(link: Link, names: Sequence[str]) -> str:
    match link.span:
        case "e":
            return "each"
        case "1":
            return f"{names[link.before]}[{link.index}]"
        case _:
            return names[link.before]


def _quoted(text: str) -> str:
    """Text in a box: a quote would end it, and markup would be read."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    for char, word in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        plain = plain.replace(char, word)
    return plain
