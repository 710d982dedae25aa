"""The static HTML of one task, from the same facts as the live card."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from nbtasks.notebook import facts
from nbtasks.notebook.render import (
    FONT,
    HTML_LIMIT,
    ROOMS,
    STATES,
    TITLE_LIMIT,
    Room,
    bar,
    body,
    captured,
    elapsed,
    fill,
    fold,
    mark,
    note,
)
from nbtasks.notebook.tally import CODE_PENDING, CODE_STARTED, UNKNOWN_SHARE, Tally
from nbtasks.notebook.words import clean, duration, escape

_QUIET: Final = "opacity:0.75"
_CELL: Final = (
    "text-align:left;padding:1px 14px 1px 0;border:0;vertical-align:top;font-size:13px;"
    "background-color:transparent"
)


def card_view(
    tally: Tally,
    title: str,
    *,
    inputs: Sequence[tuple[str, int]] = (),
    call: Mapping[str, Any] | None = None,
    opened: bool = True,
) -> str:
    """One task as static HTML of at most `HTML_LIMIT` bytes.

    Args:
        tally: It alone is in it.
        title: What it is called.
        inputs: Names and sizes in bytes of what was captured.
        call: What `Inquiry.call` has found; None where nobody has asked.
        opened: Whether its output and its value are to be seen at once.
    """
    page = ""
    for room in ROOMS:
        page = _page(tally, title, inputs, call or {}, room, opened=opened)
        if len(page.encode()) <= HTML_LIMIT:
            break
    return fill(page, tally)


def _page(
    tally: Tally,
    title: str,
    inputs: Sequence[tuple[str, int]],
    call: Mapping[str, Any],
    room: Room,
    *,
    opened: bool,
) -> str:
    parts = [_head(tally, title), bar(_pieces(tally)), captured(inputs if opened else ())]
    parts += [_note(tally, opened=opened), body(tally, 0, room, opened=opened)]
    more = captured(() if opened else inputs)
    parts.append(fold("details", f"{more}{_details(tally, call)}", opened=False))
    return f'<div style="{FONT};max-width:760px;padding:4px 0">{"".join(parts)}</div>'


def _pieces(tally: Tally) -> list[tuple[int, float]]:
    if tally.is_done():
        return [(tally.code(0), 100.0)]
    share = tally.share(0)
    filled = 0.0 if share == UNKNOWN_SHARE else 100.0 * share / (UNKNOWN_SHARE - 1)
    return [(CODE_STARTED, filled), (CODE_PENDING, 100.0 - filled)]


def _head(tally: Tally, title: str) -> str:
    record, _ = tally.locate(0)
    retries = record.retries.get(0, 0)
    words = [
        f"<code>{escape(facts.short_id(tally, 0))}</code>",
        escape(facts.place(tally, 0)),
        f"retries: {retries}" if retries else "",
        escape(took(tally)),
        "no longer stored" if tally.missing else "",
    ]
    told = f'<span style="{_QUIET}">{" · ".join(filter(None, words))}</span>'
    name = f"<b>{escape(clean(title, TITLE_LIMIT))}</b>"
    return f"<div>{mark(tally.code(0))} &nbsp;{name} &nbsp;{told}</div>"


def _note(tally: Tally, *, opened: bool) -> str:
    """What it says while it runs; its error; or, where that is not seen below, its value."""
    words = note(tally, 0) or ("" if opened else facts.short_value(tally, 0))
    return f"<div>{escape(words)}</div>" if words else ""


def _details(tally: Tally, call: Mapping[str, Any]) -> str:
    arguments = [f"{name}={text}" if name else text for name, text in call.get("args") or ()]
    rows = [
        ("task", facts.task_id(tally, 0)),
        ("arguments", ", ".join(arguments)),
        *((_clock(step), _words(step)) for step in facts.way(tally, 0)),
    ]
    lines = "".join(
        f'<tr><td style="{_CELL};{_QUIET};white-space:nowrap">{escape(name)}</td>'
        f'<td style="{_CELL};width:100%">{escape(text)}</td></tr>'
        for name, text in rows
        if text
    )
    style = "table-layout:auto;border-collapse:collapse;border:0;margin:2px 0 0;width:100%"
    return f'<table style="{style}"><tbody>{lines}</tbody></table>'


def _clock(step: facts.Step) -> str:
    if not step.at_ms:
        return ""
    then = datetime.fromtimestamp(step.at_ms / 1000, UTC).astimezone()
    return f"{then:%H:%M:%S}.{then.microsecond // 100_000}"


def _words(step: facts.Step) -> str:
    return step.words or STATES[step.code].lower()


def card_text(tally: Tally, title: str) -> str:
    """`<Task 3f2a91bc… fit SUCCESS 1.3 s>`."""
    name, state = clean(title, TITLE_LIMIT), str(STATES[tally.code(0)])
    words = ["Task", facts.short_id(tally, 0), name, state, took(tally)]
    return f"<{' '.join(filter(None, words))}>"


def took(tally: Tally) -> str:
    """How long it ran, or, where that was too short to be told, since it was sent."""
    record, _ = tally.locate(0)
    if not record.finished_ms or not record.submitted_ms:
        return elapsed(tally, 0)
    return elapsed(tally, 0) or duration(record.finished_ms - record.submitted_ms)
