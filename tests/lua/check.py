"""Runs luacheck over the Redis scripts as Redis sees them: each one after its shared parts.

The top-level locals of the parts that a script names are visible in it, so a script on its own is
full of undefined names. Each script is checked joined to its parts, and the line numbers are mapped
back. That a shared part defines what nobody uses counts only if it holds for every script with that
part.

Usage: python tests/lua/check.py FOLDER
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from nbtasks.store.scripts import compose

CONFIG = Path(__file__).with_name(".luacheckrc")
WARNING = re.compile(r"^.*?:(?P<line>\d+):(?P<text>\d+: .*)$")


class Finding(NamedTuple):
    """What luacheck says about a line of a file; the text begins with the column."""

    path: Path
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}:{self.text}"


def luacheck(source: str) -> list[tuple[int, str]]:
    """Returns the findings in a source: line and text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "script.lua")
        path.write_text(source, encoding="utf-8")
        done = subprocess.run(
            ["luacheck", "--config", CONFIG, "--formatter", "plain", "--no-color", path],
            capture_output=True,
            text=True,
            check=False,
        )
    matches = [WARNING.match(line) for line in done.stdout.splitlines()]
    found = [(int(match["line"]), match["text"]) for match in matches if match]
    if done.returncode and not found:
        sys.exit(f"luacheck failed: {done.stdout}{done.stderr}")
    return found


def check_joined(script: Path) -> tuple[set[Path], set[Finding]]:
    """Returns the files that a script is made of, and the findings at their places in these."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in script.parent.glob("*.lua")}
    pieces = [
        (script.with_name(f"{name}.lua"), text.rstrip("\n") + "\n")
        for name, text in compose(script.stem, texts)
    ]
    origin = [(path, number) for path, text in pieces for number in range(1, text.count("\n") + 1)]
    # An unfinished block is reported at the line after the last.
    origin.append(origin[-1])
    found = luacheck("".join(text for _, text in pieces))
    return {path for path, _ in pieces}, {Finding(*origin[line - 1], text) for line, text in found}


def check(folder: Path) -> list[Finding]:
    """Returns the findings in a folder of scripts, in their order."""
    scripts = sorted(path for path in folder.glob("*.lua") if not path.name.startswith("_"))
    if not scripts:
        sys.exit(f"no Lua scripts in {folder}")
    by_script = [check_joined(script) for script in scripts]
    return sorted(
        finding
        for finding in set.union(*(found for _, found in by_script))
        if "unused" not in finding.text
        or all(finding in found for paths, found in by_script if finding.path in paths)
    )


def main() -> None:
    """Prints the findings; the exit code is 1 if there are any."""
    found = check(Path(sys.argv[1]))
    for finding in found:
        print(finding)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
