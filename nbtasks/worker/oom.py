"""Whether the kernel has ended a process for want of memory: it says so only in a counter.

A process that is killed for this looks like any other that got SIGKILL. The control group of the
worker counts such deaths (`memory.events` in version 2, `memory.oom_control` in version 1).
"""

from pathlib import Path
from typing import Final

_GROUPS: Final = Path("/proc/self/cgroup")
_ROOT: Final = Path("/sys/fs/cgroup")


class OomWatch:
    """Counts such deaths in a control group since the last look.

    Args:
        groups: Where the kernel says in which groups this process is.
        root: Where the groups are.
    """

    def __init__(self, groups: Path = _GROUPS, root: Path = _ROOT) -> None:
        self._file = _find_counter(groups, root)
        self._count = self._read()

    def has_struck(self) -> bool:
        """Whether there was one since the last call."""
        before, self._count = self._count, self._read()
        return self._count > before

    def _read(self) -> int:
        if self._file is None:
            return 0
        try:
            lines = self._file.read_text("ascii").splitlines()
        except OSError:
            return self._count
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _find_counter(groups: Path, root: Path) -> Path | None:
    try:
        lines = [line.split(":", 2) for line in groups.read_text().splitlines()]
    except OSError:
        return None  # not Linux
    paths = {name: path.lstrip("/") for _, names, path in lines for name in names.split(",")}
    # A container may see the group's path from outside, and the group itself at the root.
    found = [root / "memory" / path / "memory.oom_control" for path in _both(paths.get("memory"))]
    found += [root / path / "memory.events" for path in _both(paths.get(""))]
    return next((path for path in found if path.exists()), None)


def _both(path: str | None) -> list[str]:
    return [] if path is None else [path, ""]
