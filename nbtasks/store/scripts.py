"""The Lua scripts: each file of `lua/`, after the shared parts that its line `-- Parts` names.

A part is a file whose name begins with `_`; it may need other parts, and says so in the same way.
Only what a script needs is put before it, since Lua makes all functions anew in each call. What is
rarely needed stands in a line `-- Lazy room = parts`, with the functions that it gives in the next
line: `room()` makes them when it is first called.

EVALSHA by hash, not Redis Functions: two versions of nbtasks can then work on one server, neither
overwriting the other's code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Final

_PARTS = re.compile(r"^-- Parts +(.+)$", re.MULTILINE)
_LAZY = re.compile(r"^-- Lazy +(\w+) = (.+)\n-- +(.+)$", re.MULTILINE)

_OPEN = """local {name}_made
local {name} = function()
  if not {name}_made then
"""
_CLOSE = """    {name}_made = {{
{functions}    }}
  end
  return {name}_made
end
"""


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its text, and the SHA-1 that Redis knows it by."""

    name: str
    text: str
    sha: str


def compose(name: str, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a script is made of, in order: pieces of text, and the files they are from.

    Args:
        name: Its file, without `.lua`.
        texts: The text of each file.
    """
    pieces: list[tuple[str, str]] = []
    for part in _with_parts(name, texts):
        for room, names, exports in _LAZY.findall(texts[part]):
            functions = "".join(f"      {each} = {each},\n" for each in exports.split())
            pieces.append((part, _OPEN.format(name=room)))
            pieces += [(f"_{each}", texts[f"_{each}"]) for each in names.split()]
            pieces.append((part, _CLOSE.format(name=room, functions=functions)))
        pieces.append((part, texts[part]))
    return pieces


def read_files() -> dict[str, str]:
    """The text of each file, by its name without `.lua`."""
    folder = files("nbtasks.store") / "lua"
    return {
        entry.name.removesuffix(".lua"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".lua")
    }


def make_scripts(texts: Mapping[str, str]) -> dict[str, Script]:
    """All scripts, by their names.

    Args:
        texts: The text of each file.
    """
    scripts: dict[str, Script] = {}
    for name in texts:
        if not name.startswith("_"):
            whole = "\n".join(text for _, text in compose(name, texts))
            # Redis names scripts by SHA-1; nothing is protected by it.
            digest = sha1(whole.encode(), usedforsecurity=False).hexdigest()
            scripts[name] = Script(name, whole, digest)
    return scripts


def _with_parts(name: str, texts: Mapping[str, str]) -> list[str]:
    """A file and what it needs before it, each once."""
    found: dict[str, None] = {}
    for line in _PARTS.findall(texts[name]):
        for part in line.split():
            found |= dict.fromkeys(_with_parts(f"_{part}", texts))
    return [*found, name]


SCRIPTS: Final = make_scripts(read_files())
