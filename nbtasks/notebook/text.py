"""The text of a tally: for terminals, logs and notebooks under test, the same in every run."""

from itertools import islice
from typing import Final

from nbtasks.notebook.render import STATES, TITLE_LIMIT
from nbtasks.notebook.shown import plain_text
from nbtasks.notebook.tally import (
    CODE_FAILURE,
    CODE_IGNORED,
    CODE_PROGRESS,
    CODE_REVOKED,
    CODE_SUCCESS,
    Tally,
)
from nbtasks.notebook.words import clean, first_line, runs
from nbtasks.output import DISPLAYED
from nbtasks.states import TaskState

OUTPUT_LINES: Final = 40
"""Of what a single task wrote, the newest lines are shown."""
OUTPUT_LIMIT: Final = 8_000
_TEXT_ERRORS: Final = 20


def text_start(tally: Tally, title: str) -> str:
    """One stable line: no ids, times or hosts."""
    return f"{clean(title, TITLE_LIMIT)}: {tally.n:,} task{'' if tally.n == 1 else 's'}"


def text_end(tally: Tally, title: str) -> str:
    """The stable end: counts by state, a line per distinct error, and what a single task wrote."""
    counts = tally.counts()
    shown = (CODE_SUCCESS, CODE_FAILURE, CODE_REVOKED, CODE_IGNORED, CODE_PROGRESS, 1, 5, 0)
    parts = [f"{counts[code]:,} {STATES[code]}" for code in shown if counts[code]]
    lines = [" · ".join([text_start(tally, title), *parts])]
    found: dict[str, int] = {}
    for record in tally.records:
        for index in sorted(record.errors.copy()):
            if record.state(index) is TaskState.FAILURE:
                line = first_line(record.errors[index])
                found[line] = found.get(line, 0) + 1
    for line, count in islice(found.items(), _TEXT_ERRORS):
        lines.append(f"  {line}" if count == 1 else f"  {line} ({count:,} times)")
    if len(found) > _TEXT_ERRORS:
        lines.append(f"  and {len(found) - _TEXT_ERRORS:,} other errors")
    if tally.n == 1:
        lines += written(tally)
    return "\n".join(lines)


def written(tally: Tally) -> list[str]:
    """The last lines that a single task has written."""
    record, index = tally.locate(0)
    output = record.output.get(index)
    if output is None:
        return []
    parts = [
        (stream, plain_text(text) + "\n" if stream == DISPLAYED else text)
        for stream, text in output.parts.copy()
        if stream != "value"
    ]
    found = "".join(text for _, text in runs(parts, OUTPUT_LIMIT)).splitlines()
    dropped = len(found) - OUTPUT_LINES
    if dropped > 0:
        found = [f"… {dropped:,} before", *found[-OUTPUT_LINES:]]
    return [f"  {line}".rstrip() for line in found]
