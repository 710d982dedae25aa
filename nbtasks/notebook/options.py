"""The line of a magic -> its name and options: parsing and wording only (pure)."""

import ast
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from keyword import iskeyword
from typing import Any, Final, cast

from IPython.core.error import UsageError

from nbtasks.durations import read_seconds
from nbtasks.errors import ConfigError
from nbtasks.notebook.vocabulary import (
    DURATION,
    ERRORS,
    FLAG,
    LOOP,
    MOMENT,
    NAMES,
    SIZE,
    WHOLE,
    WORDS,
    Option,
)
from nbtasks.record import check_name
from nbtasks.spelling import nearest

_MEANT: Final = {"--retry": "--retries", "--max-retries": "--retries", "--wait": "--block"}
"""What others call an option, or what is nearer to another one by its letters only."""

_LISTS: Final = (NAMES, WORDS, ERRORS)
_UNITS: Final = {"": 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMG]?B?)")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_DEFINITION = re.compile(r"\s*(?:async\s+)?def\s+\w+\s*\(")
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


def parse(line: str, known: Sequence[Option], namespace: Mapping[str, Any] | None = None) -> Line:
    """Read the line of a magic.

    Args:
        line: What stands behind the magic.
        known: The options it may have.
        namespace: Where the value of an option that is `$name` is looked up; None for nowhere.

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
        if option.kind == FLAG and equals:
            raise UsageError(f"{name} takes no value: {option.help}")
        if option.kind == FLAG:
            options[option.long] = True
            continue
        if not equals:
            value = _next_value(name, option, parts)
        options[option.long] = convert(option, _whole_value(option, value, parts, namespace))
    return Line(words=words, options=options, loop=loop)


def from_fields(fields: Mapping[str, Any], known: Sequence[Option], where: str) -> dict[str, Any]:
    """Options that were given as values by their long names, as in the metadata of a cell.

    Raises:
        UsageError: One is unknown or wrong; `where` says where it stands.
    """
    found: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            option = find(f"--{str(name).replace('_', '-')}", known)
            found[option.long] = _from_field(option, value)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
    return found


def _from_field(option: Option, value: Any) -> Any:
    if option.kind == LOOP:
        raise UsageError(f"--{option.long} belongs into the line of the magic")
    if option.kind != FLAG:
        return convert(option, as_text(value))
    if not isinstance(value, bool):
        raise UsageError(f"--{option.long} is {value!r}: it must be true or false")
    return value


def as_text(value: Any) -> str:
    """A value as it is written in a line."""
    if isinstance(value, (list, tuple)):
        return ",".join(as_text(each) for each in cast("Sequence[Any]", value))
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, datetime):
        return value.isoformat()
    return value.__name__ if isinstance(value, type) else str(value)


def _next_value(name: str, option: Option, parts: list[str]) -> str:
    if not parts:
        raise UsageError(f"{name} needs a value: {option.help}")
    return parts.pop()


def _whole_value(
    option: Option, value: str, parts: list[str], namespace: Mapping[str, Any] | None
) -> str:
    if option.kind in _LISTS:
        value += _more_names(value, parts)
    if namespace is not None and value.startswith("$"):
        value = _looked_up(value, option, namespace)
    return value


def _looked_up(value: str, option: Option, namespace: Mapping[str, Any]) -> str:
    name = value[1:]
    if name not in namespace:
        known = [known for known in namespace if not known.startswith("_")]
        raise UsageError(
            f"--{option.long} {value}: there is no such variable{nearest(name, known)}"
        )
    return as_text(namespace[name])


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
    meant = _MEANT.get(name)
    near = f": did you mean {meant!r}?" if meant in names else nearest(name, names)
    raise UsageError(f"there is no option {name}{near}")


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
    if option.kind in _LISTS:
        return _names(option, value, what)
    if option.kind == SIZE:
        return n_bytes(value, f"--{option.long}")
    if option.kind == MOMENT and not _is_moment(value):
        raise UsageError(f"{what}: give a time like 18:30 or 2030-01-31T18:30")
    if option.choices and value not in option.choices:
        raise UsageError(f"{what}{nearest(value, list(option.choices))}")
    return value


def _names(option: Option, value: str, what: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    for name in names if option.kind != WORDS else ():
        parts = name.split(".") if option.kind == ERRORS else [name]
        if not all(map(_is_name, parts)):
            kind = "an exception" if option.kind == ERRORS else "a variable"
            raise UsageError(f"{what}: {name!r} is not the name of {kind}")
    return () if names == ("none",) and option.kind == NAMES else names


def moment(text: str, now: datetime) -> datetime:
    """A moment like `18:30`, the next one, or `2030-01-31T18:30`; as `now` where it has no zone."""
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
    hour, minute, second = (int(part or 0) for part in clock.groups())
    found = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return found if found > now else found + timedelta(days=1)


def n_bytes(text: str, what: str) -> int:
    """A size like `800`, `64kB` or `1.5MB` in bytes.

    Raises:
        UsageError: It is none.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2] not in _UNITS:
        raise UsageError(f"{what} {text}: give a size like 800kB or 64MB")
    return round(float(found[1]) * _UNITS[found[2]])


def seconds(text: str, what: str) -> float:
    """A duration like `90`, `90s`, `5m`, `1h30m` or `2d` in seconds.

    Raises:
        UsageError: It is none.
    """
    found = read_seconds(text)
    if found is None:
        raise UsageError(f"{what} {text}: give a time like 90s, 5m or 1h30m")
    return found


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


def take_definition(line: str) -> tuple[str, str] | None:
    """The head of a function and what stands behind it: `def f(a, b=2)`, ` -q gpu`.

    None where the line does not begin with one.

    Raises:
        UsageError: It begins like one, and is none.
    """
    if not re.match(r"\s*(?:async\s+)?def\b", line):
        return None
    if _DEFINITION.match(line):
        for mark in re.finditer(r"\)", line):
            head = line[: mark.end()].strip()
            if _is_source(f"{head}: pass"):
                rest = line[mark.end() :].lstrip()
                return head, rest.removeprefix(":")
    raise UsageError(f"{line.strip()!r}: write the head of a function: %%task def f(a, b=2)")


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
    return _is_source(text, "eval")


def _is_source(text: str, mode: str = "exec") -> bool:
    try:
        ast.parse(text, mode=mode)
    except SyntaxError:
        return False
    return True


def _is_moment(text: str) -> bool:
    clock = _CLOCK.fullmatch(text)
    try:
        if clock is None:
            datetime.fromisoformat(text)
        else:
            hour, minute, second = (int(part or 0) for part in clock.groups())
            time(hour, minute, second)
    except ValueError:
        return False
    return True
