"""Packages that clients have sent ahead of their tasks."""

from typing import Final

from nbtasks.store.store import Store

KEPT_MS: Final = 30 * 86_400_000
"""How long a package stays after it was last sent or used: a task that needs it later fails."""

REPLACED_MS: Final = 7 * 86_400_000
"""The same once another has taken its place: only tasks that were sent before still need it."""


def store_package(store: Store, name: str, blob: bytes, replaced: str) -> None:
    """Store a signed package, in the place of another one or of none ('')."""
    store.call("SET", store.keys.package(name), blob, "PX", KEPT_MS)
    if replaced and replaced != name:
        store.call("PEXPIRE", store.keys.package(replaced), REPLACED_MS)
