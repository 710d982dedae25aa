"""The line of a magic -> its name and options: parsing and wording only (pure).

Long options are the keywords of `apply_async`, so docs, decorators and magics teach one vocabulary.
"""

import ast
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, Final

from IPython.core.error import UsageError

from nbtasks.config import nearest
from nbtasks.errors import ConfigError
from nbtasks.record import check_name

FLAG: Final = "flag"
TEXT: Final = "text"
WHOLE: Final = "whole"
DURATION: Final = "duration"
NAMES: Final = "names"
LOOP: Final = "loop"

VIEWS: Final = ("auto", "board", "html", "text", "none")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its long name, its letter or '', the kind of its value, and what it does.

    Where `choices` are given, its value is one of them.
    """

    long: str
    short: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()


TASK_OPTIONS: Final = (
    Option("queue", "q", TEXT, "the queue it goes to"),
    Option("block", "b", FLAG, "wait for the result, and show it"),
    Option("retries", "r", WHOLE, "how many more tries after an error"),
    Option("retry-delay", "", DURATION, "how long between tries: 2s, 1m"),
    Option("time-limit", "t", DURATION, "kill it when it runs longer: 90s, 5m"),
    Option(
        "soft-time-limit", "", DURATION, "raise SoftTimeLimitExceeded in it when it runs longer"
    ),
    Option("timeout", "", DURATION, "with --block: how long to wait"),
    Option("priority", "", WHOLE, "0 to 9, higher first"),
    Option("countdown", "", DURATION, "start after this time"),
    Option("expires", "", DURATION, "do not start after this time"),
    Option(
        "inputs", "i", NAMES, "the variables it gets, with commas, or none; default: what it reads"
    ),
    Option("outputs", "o", NAMES, "the variables it gives back, with commas: result.outputs.x"),
    Option("for", "", LOOP, "one task for each item: --for x in range(10)"),
    Option("view", "", TEXT, "how it is shown", VIEWS),
    Option("quiet", "", FLAG, "show nothing"),
)
BROKER_OPTIONS: Final = (
    Option("start", "", WHOLE, "start so many local workers; default without a URL: one per core"),
    Option("queue", "q", TEXT, "the queues of the workers started, with commas"),
    Option("close", "", FLAG, "close the connection"),
)
TASKS_OPTIONS: Final = (
    Option("state", "s", TEXT, "only tasks in this state"),
    Option("all", "", FLAG, "also those that were shown before the last 20"),
    Option("lines", "n", WHOLE, "how many, the newest first"),
)

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_FOR = re.compile(r"(?:^|\s)--for\s+(?P<target>[^\s].*?)\s+in\s+(?P<rest>.*)$", re.DOTALL)
_BEFORE_COMMENT = re.compile(
    r"""((?:[^'"#\\]|\\.|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")*+)#""", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A parsed line: words that are no options, options by long name, and the `--for` clause."""

    words: Sequence[str]
    options: Mapping[str, Any]
    loop: tuple[str, str] | None = None


def parse(line: str, known: Sequence[Option]) -> Line:
    """Read the line of a magic.

    Raises:
        UsageError: An option is unknown or its value is wrong; one line, with the nearest right
            word.
    """
    comment = _BEFORE_COMMENT.match(line)
    line, loop = _take_loop(comment[1] if comment else line, known)
    try:
        parts = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line.strip()!r}: {str(error).lower()}") from None
    words: list[str] = []
    options: dict[str, Any] = {}
    parts.reverse()
    while parts:
        part = parts.pop()
        if not part.startswith("-") or part == "-":
            words.append(part)
            continue
        name, equals, value = part.partition("=")
        option = find(name, known)
        if option.kind == LOOP:
            once = "stands once" if loop else "needs a name and a list"
            raise UsageError(f"--for {once}: --for x in range(10)")
        if option.kind == FLAG:
            if equals:
                raise UsageError(f"{name} takes no value: {option.help}")
            options[option.long] = True
            continue
        if not equals:
            if not parts:
                raise UsageError(f"{name} needs a value: {option.help}")
            value = parts.pop()
        if option.kind == NAMES:
            value += _more_names(value, parts)
        options[option.long] = convert(option, value)
    return Line(words=words, options=options, loop=loop)


def _more_names(value: str, parts: list[str]) -> str:
    """What belongs to a list of names that was written with spaces: `x, y`."""
    more = ""
    while parts and ((value + more).endswith(",") or parts[-1].startswith(",")):
        more += parts.pop()
    return more


def find(name: str, known: Sequence[Option]) -> Option:
    """The option of that name.

    Raises:
        UsageError: There is none; the message has the nearest one.
    """
    for option in known:
        if name == f"--{option.long}" or (option.short and name == f"-{option.short}"):
            return option
    names = [f"--{option.long}" for option in known]
    names += [f"-{option.short}" for option in known if option.short]
    raise UsageError(f"there is no option {name}{nearest(name, names)}")


def convert(option: Option, value: str) -> Any:
    """The value of an option.

    Raises:
        UsageError: It is not of the option's kind.
    """
    what = f"--{option.long} {value}"
    if option.kind == WHOLE:
        if not value.isdecimal():
            raise UsageError(f"{what}: give a whole number; it is {option.help}")
        return int(value)
    if option.kind == DURATION:
        return seconds(value, f"--{option.long}")
    if option.kind == NAMES:
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        for name in names:
            if not _is_name(name):
                raise UsageError(f"{what}: {name!r} is not the name of a variable")
        return () if names == ("none",) else names
    if option.choices and value not in option.choices:
        raise UsageError(f"{what}{nearest(value, list(option.choices))}")
    return value


def seconds(text: str, what: str) -> float:
    """A duration like `90`, `90s`, `5m` or `1h30m` in seconds.

    Raises:
        UsageError: It is none.
    """
    found = _DURATION.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise UsageError(f"{what} {text}: give a time like 90s, 5m or 1h30m")
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


def task_name(words: Sequence[str]) -> str:
    """The name of a task: the one word that is no option, or ''.

    Raises:
        UsageError: There are more, or it is no name for a variable.
    """
    if len(words) > 1:
        raise UsageError(f"one name is enough, and there are {len(words)}: {' '.join(words)}")
    if not words:
        return ""
    name = words[0]
    if not _is_name(name):
        raise UsageError(f"{name!r} cannot name a task: its result becomes a variable of that name")
    try:
        return check_name(name, "task name")
    except ConfigError as error:
        raise UsageError(str(error)) from None


def loop_names(target: str) -> list[str]:
    """The variables of a `--for` clause: `c`, or `a, b`.

    Raises:
        UsageError: They are no names.
    """
    names = [name.strip() for name in target.strip("() ").split(",") if name.strip()]
    if not names or not all(map(_is_name, names)) or len(set(names)) < len(names):
        raise UsageError(f"--for {target}: give a name, or names with commas")
    return names


def _take_loop(line: str, known: Sequence[Option]) -> tuple[str, tuple[str, str] | None]:
    """Cut the `--for` clause out: its expression may hold anything, also quotes and options."""
    found = _FOR.search(line) if any(option.kind == LOOP for option in known) else None
    if found is None:
        return line, None
    rest = found["rest"]
    letters = {f"-{option.short}" for option in known if option.short}
    ends = [
        mark.start()
        for mark in re.finditer(r"\s(--?[A-Za-z][\w-]*)", rest)
        # A long option ends the expression whether it exists or not: the mistake is told then.
        if mark[1].startswith("--") or mark[1] in letters
    ]
    for end in [*ends, len(rest)]:
        expression = rest[:end].strip()
        if _is_expression(expression):
            return f"{line[: found.start()]} {rest[end:]}", (found["target"], expression)
    raise UsageError(f"--for {found['target']} in {rest}: this is not an expression")


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True
