"""The Lua scripts: each file of `lua/`, after the shared parts whose names begin with `_`.

EVALSHA by hash, not Redis Functions: two versions of nbtasks can then work on one server, neither
overwriting the other's code.
"""

from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its text, and the SHA-1 that Redis knows it by."""

    name: str
    text: str
    sha: str


def _load() -> dict[str, Script]:
    folder = files("nbtasks.store") / "lua"
    texts = {
        entry.name.removesuffix(".lua"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".lua")
    }
    shared = "\n".join(texts[name] for name in sorted(texts) if name.startswith("_"))
    scripts: dict[str, Script] = {}
    for name, text in texts.items():
        if not name.startswith("_"):
            whole = f"{shared}\n{text}"
            # Redis names scripts by SHA-1; nothing is protected by it.
            digest = sha1(whole.encode(), usedforsecurity=False).hexdigest()
            scripts[name] = Script(name, whole, digest)
    return scripts


SCRIPTS: Final = _load()
