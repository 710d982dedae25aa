"""What this notebook has sent, noted in the store for the kernels that come after this one."""

import contextvars
import getpass
import logging
import os
import threading
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from nbtasks.app import App
from nbtasks.errors import NbTasksError
from nbtasks.notebook.frontend import notebook_path
from nbtasks.notebook.sent import Note, Sent, read_note, write_note
from nbtasks.store.notes import drop_notes, note_sent, sent_by

logger = logging.getLogger(__name__)

ENV_USER: Final = "JUPYTERHUB_USER"

CALLS: Final = ".calls"
"""Calls have a list of their own: a loop of thousands is not to push the cells out."""

GAP_MS: Final = 200.0
"""What is sent sooner after the last note than this is noted together with what comes then."""


class Trail:
    """Notes what is sent, and finds it again.

    The note of a cell is written at once, so that it is there if the kernel ends in the next
    moment. Of many calls in a row, as a loop makes them, the later ones go together a little later.

    Args:
        find_app: The app whose store has the notes.
    """

    def __init__(self, find_app: Callable[[], App]) -> None:
        self._find_app = find_app
        self._lock = threading.Lock()
        self._waiting: dict[str, list[bytes]] = {}
        self._written_ms: float | None = None
        self._timer: threading.Timer | None = None

    @property
    def name(self) -> str:
        """What the list of this notebook is called; '' where nobody says which notebook it is."""
        path = notebook_path()
        if not path:
            return ""
        owner = os.environ.get(ENV_USER) or getpass.getuser()
        return blake2b(f"{owner}\0{path}".encode(), digest_size=10).hexdigest()

    def note(self, sent: Sent) -> None:
        """Note something; that this fails is logged: it was sent all the same."""
        data = write_note(sent) if self.name else None
        if data is None:
            return
        now = self._find_app().clock.tick_ms()
        with self._lock:
            self._waiting.setdefault(CALLS if sent.is_call else "", []).append(data)
            last = self._written_ms
            is_soon = sent.is_call and last is not None and now - last < GAP_MS
            if is_soon and self._timer is None:
                # A context of its own: a thread with a cell's context writes into that cell.
                run = contextvars.Context().run
                self._timer = threading.Timer(GAP_MS / 1000, run, (self.flush,))
                self._timer.daemon = True
                self._timer.start()
        if not is_soon:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            notes, self._waiting = self._waiting, {}
            timer, self._timer = self._timer, None
            app = self._find_app()
            self._written_ms = app.clock.tick_ms()
        if timer is not None:
            timer.cancel()
        if notes and app.is_connected:
            try:
                for kind, several in notes.items():
                    note_sent(app.store, self.name + kind, several)
            except NbTasksError:
                logger.warning("what this notebook has sent could not be noted", exc_info=True)

    def read(self) -> list[Note]:
        """What was sent by this notebook, the oldest first.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        app, name = self._find_app(), self.name
        if not name:
            return []
        self.flush()
        found: dict[str, Note] = {}
        both = [*sent_by(app.store, name), *sent_by(app.store, name + CALLS)]
        for _, data in sorted(both):
            note = read_note(data)
            if note is not None:
                found.pop(note.id, None)  # sent again under the same id: the later one counts
                found[note.id] = note
        return list(found.values())

    def find(self, notes: Sequence[Note]) -> list[Sent]:
        """What some notes are of; those of what is not stored any more are dropped."""
        if not notes:
            return []
        app = self._find_app()
        # All at once: what is followed already is not asked for again, one by one.
        held = app.attach([rid for note in notes for rid in note.rids])
        found: list[Sent] = []
        gone: list[bytes] = []
        for note in notes:
            try:
                sent = note.sent(app)
            except (KeyError, TypeError, ValueError, IndexError):
                sent = None
            if sent is None:
                gone.append(note.data)
            else:
                found.append(sent)
        del held
        for kind in ("", CALLS):
            drop_notes(app.store, self.name + kind, gone)
        return found
