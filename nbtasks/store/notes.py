"""What notebooks have sent: a list for each of them, which outlives their kernels."""

from collections.abc import Sequence
from typing import Final

from nbtasks.store.store import Store

KEPT: Final = 200
"""Of each notebook, the newest."""

KEEP_MS: Final = 30 * 86_400_000
"""After the last one."""


def note_sent(store: Store, notebook: str, notes: Sequence[bytes]) -> None:
    """Remember what a notebook has sent, the oldest first.

    Raises:
        StoreUnavailable: Redis does not answer.
        StoreFull: Redis has no memory for it.
    """
    store.run_script("note", notebook, KEPT, KEEP_MS, *notes)


def sent_by(store: Store, notebook: str) -> list[tuple[float, bytes]]:
    """What a notebook has sent, the oldest first, and when (ms since 1970)."""
    found = store.call("ZRANGE", store.keys.notebook(notebook), 0, -1, "WITHSCORES")
    return [(float(when), note) for note, when in zip(found[::2], found[1::2], strict=True)]


def drop_notes(store: Store, notebook: str, notes: Sequence[bytes]) -> None:
    """Forget some of it."""
    if notes:
        store.call("ZREM", store.keys.notebook(notebook), *notes)
