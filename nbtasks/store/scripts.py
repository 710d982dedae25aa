"""The Lua scripts: each file of `lua/`, after the shared parts that its line `-- Parts` names.

A part may need other parts, and says so in the same way.

A part is a file whose name begins with `_`. Only what a script needs is put before it: all parts
together cost each call 8 to 12 us, for the functions that Lua makes anew.

EVALSHA by hash, not Redis Functions: two versions of nbtasks can then work on one server, neither
overwriting the other's code.
"""

import re
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Final

_PARTS = re.compile(r"^-- Parts +(.+)$", re.MULTILINE)


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
    scripts: dict[str, Script] = {}
    for name in texts:
        if not name.startswith("_"):
            whole = "\n".join(texts[part] for part in _with_parts(name, texts))
            # Redis names scripts by SHA-1; nothing is protected by it.
            digest = sha1(whole.encode(), usedforsecurity=False).hexdigest()
            scripts[name] = Script(name, whole, digest)
    return scripts


def _with_parts(name: str, texts: dict[str, str]) -> list[str]:
    """A file and what it needs before it, each once."""
    found: dict[str, None] = {}
    for line in _PARTS.findall(texts[name]):
        for part in line.split():
            found |= dict.fromkeys(_with_parts(f"_{part}", texts))
    return [*found, name]


SCRIPTS: Final = _load()
