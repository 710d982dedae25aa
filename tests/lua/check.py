"""Runs luacheck over the Redis scripts as Redis sees them: each one after the shared parts.

The top-level locals of the files whose names begin with `_` are visible in every script, so a
script on its own is full of undefined names. Each script is checked joined to the shared parts, and
the line numbers are mapped back. What luacheck says about a shared part counts only if it says so
for every script: a function that one script does not use is not unused.

Usage: python tests/lua/check.py FOLDER
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

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


def check_joined(paths: list[Path]) -> set[Finding]:
    """Returns the findings in files that are run as one, at their places in these files."""
    sources = [path.read_text(encoding="utf-8").rstrip("\n") + "\n" for path in paths]
    origin = [
        (path, number)
        for path, source in zip(paths, sources, strict=True)
        for number in range(1, source.count("\n") + 1)
    ]
    # An unfinished block is reported at the line after the last.
    origin.append((paths[-1], origin[-1][1]))
    return {Finding(*origin[line - 1], text) for line, text in luacheck("".join(sources))}


def check(folder: Path) -> list[Finding]:
    """Returns the findings in a folder of scripts, in their order."""
    paths = sorted(folder.glob("*.lua"))
    shared = [path for path in paths if path.name.startswith("_")]
    scripts = [path for path in paths if path not in shared]
    if not scripts:
        sys.exit(f"no Lua scripts in {folder}")
    by_script = [check_joined([*shared, script]) for script in scripts]
    everywhere = set.intersection(*by_script)
    return sorted(
        finding
        for finding in set.union(*by_script)
        if finding in everywhere or finding.path not in shared
    )


def main() -> None:
    """Prints the findings; the exit code is 1 if there are any."""
    found = check(Path(sys.argv[1]))
    for finding in found:
        print(finding)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
