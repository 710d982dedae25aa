"""What a worker has in hand: slices under a lease, and the children that hold them."""

from dataclasses import dataclass, field

from nbtasks.worker.interrupt import SOFT_SIGNAL
from nbtasks.worker.process import ChildEnd


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
    soft_ms: int = 0
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
    revoked members, by sequence number, and when a look first found them running; `interrupted` is
    the last member that was over its soft limit.
    """

    child: ChildEnd
    deliveries: dict[int, Delivery] = field(default_factory=dict[int, Delivery])
    seen: int = 0
    since_ms: float = 0.0
    takeback: tuple[int, int] | None = None
    condemned: dict[int, float | None] = field(default_factory=dict[int, float | None])
    interrupted: int = 0

    @property
    def killed(self) -> str:
        """Why its process was killed; empty where it was not."""
        return self.child.process.killed

    @property
    def is_free(self) -> bool:
        """Whether it may be given something."""
        process = self.child.process
        return not (self.deliveries or process.killed or process.is_full)

    def interrupt(self, sequence: int, limit_ms: int) -> bool:
        """Raise SoftTimeLimitExceeded in the member that runs; whether the child has seen to it."""
        cells = self.child.cells
        if self.interrupted != sequence:
            self.interrupted = sequence
            cells.interrupt(sequence, limit_ms)
        elif cells.is_interrupted(sequence):
            return True
        self.child.process.signal(SOFT_SIGNAL)
        return False

    def kill(self, reason: str) -> None:
        """End its process; what that holds goes back uncounted."""
        self.child.process.kill(reason)
