"""What a member has written and displayed: the newest of it, in order."""

from collections import deque
from dataclasses import dataclass, field

from nbtasks import record

OUTPUT_LIMIT = 1_000_000
"""Characters of output kept per member; older ones are dropped and counted."""

DISPLAY_LIMIT = 1_000_000
"""The same for what it displays, as JSON."""

DISPLAYED = "display"
RICH = "rich"
SHOWN = (DISPLAYED, RICH)
LEFT_OUT = "dropped"
WRITTEN = ("stdout", "stderr")


@dataclass(slots=True)
class Output:
    """The newest of what a member wrote and displayed, in order, as parts of (stream, text).

    The streams are `stdout`, `stderr`, `value`, `display`, of which `record.SHOW` says how a text
    is made up, `rich`: such a text of a value, and `dropped`: a line about what the worker has
    dropped there.
    """

    parts: deque[tuple[str, str]] = field(default_factory=deque[tuple[str, str]])
    size: int = 0
    dropped: int = 0
    dropped_lines: int = 0
    displayed: int = 0
    dropped_displays: int = 0
    _clears: bool = False

    def add(self, stream: str, text: str) -> None:
        """Append a part; drop the oldest above `OUTPUT_LIMIT` and `DISPLAY_LIMIT`."""
        if self._clears:
            self._clear()
        if stream in SHOWN:
            self._display(stream, text)
            return
        if stream == LEFT_OUT:
            text = self._note(record.Dropped.read(text))
        kept = text[-OUTPUT_LIMIT:]
        self._count_dropped(text[: len(text) - len(kept)])
        self.parts.append((stream, kept))
        self.size += len(kept)
        while self.size > OUTPUT_LIMIT:
            at = next(at for at, part in enumerate(self.parts) if part[0] not in SHOWN)
            stream, gone = self.parts[at]
            del self.parts[at]
            self.size -= len(gone)
            if stream != LEFT_OUT:
                self._count_dropped(gone)

    def text(self, *streams: str) -> str:
        """What was written to these streams (default: all), in order."""
        chosen = streams or (*WRITTEN, "value")
        return "".join(text for stream, text in self.parts if stream in chosen)

    def _note(self, dropped: record.Dropped) -> str:
        self.dropped_lines += dropped.lines
        self.dropped_displays += dropped.displays
        self.dropped += dropped.size
        return dropped.line()

    def _count_dropped(self, text: str) -> None:
        self.dropped += len(text)
        self.dropped_lines += text.count("\n")

    def _display(self, stream: str, text: str) -> None:
        match text[:1]:
            case record.CLEAR:
                self._clear()
            case record.CLEAR_LATER:
                self._clears = True
            case record.UPDATE:
                self._update(record.SHOW + text[1:])
            case _:
                self.parts.append((stream, text))
                self.displayed += len(text)
        while self.displayed > DISPLAY_LIMIT:
            at = next(at for at, part in enumerate(self.parts) if part[0] in SHOWN)
            self.displayed -= len(self.parts[at][1])
            del self.parts[at]
            self.dropped_displays += 1

    def _update(self, text: str) -> None:
        head = text[: text.find("\n") + 1]
        for at, (stream, before) in enumerate(self.parts):
            if stream == DISPLAYED and before.startswith(head):
                self.displayed += len(text) - len(before)
                self.parts[at] = DISPLAYED, text

    def _clear(self) -> None:
        self._clears = False
        self.parts.clear()
        self.size = self.displayed = 0
