"""The Lua scripts: each file of `lua/`, after the shared parts that its line `-- Parts` names.

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
    for name, text in texts.items():
        if not name.startswith("_"):
            parts = _PARTS.findall(text)[0].split()
            whole = "\n".join([*(texts[f"_{part}"] for part in parts), text])
            # Redis names scripts by SHA-1; nothing is protected by it.
            digest = sha1(whole.encode(), usedforsecurity=False).hexdigest()
            scripts[name] = Script(name, whole, digest)
    return scripts


SCRIPTS: Final = _load()
