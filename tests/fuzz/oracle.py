"""An audit hook that sees what must not happen: a class looked up for a pickle, code run."""

import sys

SEEN = ("pickle.find_class", "exec", "import", "compile", "os.system", "subprocess.Popen")


class Oracle:
    """Counts what it sees while it is watching."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._watches = False
        sys.addaudithook(self._hook)

    def watch(self, *, on: bool) -> list[str]:
        """Begin or stop; what it has seen since the last call."""
        found, self.seen, self._watches = self.seen, [], on
        return found

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if self._watches and event in SEEN:
            self.seen.append(f"{event} {args!r}"[:200])
