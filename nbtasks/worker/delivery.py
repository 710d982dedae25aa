"""What a worker has in hand: slices under a lease, and the children that hold them."""

from dataclasses import dataclass, field

from nbtasks.worker.pool import ChildProcess


@dataclass(slots=True)
class Delivery:
    """A slice under a lease, in the hands of a child.

    Members [at, stop) have not ended yet; `left` counts those that nothing was handed in about: the
    lease goes with the last of them.
    """

    number: int
    lease: str
    rid: str
    members: int
    start: int
    stop: int
    at: int
    left: int
    sequence: int
    retries: int
    header: bytes
    limit_ms: int = 0
    announced: int = -1

    def sequence_of(self, index: int) -> int:
        """The child's sequence number of a member."""
        return self.sequence + index - self.start

    def index_of(self, sequence: int) -> int:
        """The member that has a sequence number."""
        return self.start + sequence - self.sequence

    def holds(self, index: int) -> bool:
        """Whether a member is still to end here."""
        return self.at <= index < self.stop


@dataclass(slots=True)
class Slot:
    """A child, what it has been given, and since when it has been on the same member.

    `takeback` is the range of sequence numbers that it was just forbidden to begin; `condemned` are
    revoked members, by sequence number, and when a look first found them running.
    """

    child: ChildProcess
    deliveries: dict[int, Delivery] = field(default_factory=dict[int, Delivery])
    seen: int = 0
    since_ms: float = 0.0
    takeback: tuple[int, int] | None = None
    condemned: dict[int, float | None] = field(default_factory=dict[int, float | None])
    killed: str = ""

    def kill(self, reason: str) -> None:
        """End the child; what it holds goes back uncounted."""
        self.killed = reason
        self.child.kill()
