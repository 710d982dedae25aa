"""The static picture beside a live widget: what a notebook shows that was saved meanwhile.

Such a notebook names a widget which without its kernel is no more, and JupyterLab then shows
nothing but an error, whatever else is in that output. So there is a second output, of HTML, that
is hidden where the widget is to be seen.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.notebook.bundle import show_formats
from nbtasks.notebook.words import escape

GAP_MS: Final = 10_000.0
"""How long what has changed may be missing in it."""
_SHARE: Final = 50
"""Of the kernel's time a picture may take one part in so many."""

Formats = dict[str, Any]

CLASS: Final = "nbt-twin"
"""By this an output is known as a twin; it is in no other one."""

GONE: Final = {"text/html": "", "text/plain": ""}
"""What stays of a twin: an output cannot be taken away."""

_STYLE: Final = (
    "<style>.jp-OutputArea-child:has(.nbt)+.jp-OutputArea-child:has(.nbt-twin),"
    ".jp-OutputArea-child:not(:has(.nbt)):has(+.jp-OutputArea-child .nbt-twin)"
    "{display:none}</style>"
)
"""Either the widget is there, or its place with the error is not to be seen. A page that trusts the
notebook has both rules; one that does not shows no widget at all."""
_FACTS: Final = "margin:2px 0;font-family:system-ui,sans-serif;font-size:12px;opacity:.65"


class Twin:
    """Keeps an output up to date, seldom.

    Args:
        look: The formats of how things stand.
        again: What shows it live again; '' where nothing is known to.
        gap_ms: How long it may lag behind.
        clock: Where the time comes from.
    """

    def __init__(
        self,
        look: Callable[[], Formats],
        again: str,
        *,
        gap_ms: float,
        clock: Clock,
    ) -> None:
        self._look = look
        self._again = again
        self._gap_ms = gap_ms
        self._clock = clock
        self._is_stale = False
        self._due_ms = 0.0
        self._handle = show_formats(self._picture())

    def note(self) -> None:
        """What is seen has changed."""
        self._is_stale = True

    def wait_ms(self, now_ms: float) -> float | None:
        """Bring it up to date where that is due; else how long until it is, None where it is so."""
        wait = self._due_ms - now_ms
        if not self._is_stale or wait > 0.0:
            return wait if self._is_stale else None
        self._update(self._picture())
        return None

    def end(self) -> None:
        """The static picture takes the place of the widget: one is enough."""
        self._is_stale = False
        self._update(dict(GONE))

    def _update(self, formats: Formats) -> None:
        if self._handle is not None:
            self._handle.update(formats, raw=True)

    def _picture(self) -> Formats:
        began = self._clock.tick_ms()
        found = self._look()
        self._is_stale = False
        ended = self._clock.tick_ms()
        self._due_ms = ended + max(self._gap_ms, _SHARE * (ended - began))
        dated = date(found, self._again, self._clock)
        return {**dated, "text/html": f'<div class="{CLASS}">{dated["text/html"]}</div>{_STYLE}'}


def date(formats: Formats, again: str, clock: Clock) -> Formats:
    """Add to what has not ended when that was, and what shows it live."""
    at = datetime.fromtimestamp(clock.wall_ms() / 1000, UTC).astimezone()
    words = f"as it was at {at:%Y-%m-%d %H:%M:%S}{f'; {again} shows it live' if again else ''}"
    html = f'{formats["text/html"]}<div style="{_FACTS}">{escape(words)}</div>'
    return {**formats, "text/html": html}
