"""How a try ended -> what becomes of the task (pure)."""

from dataclasses import dataclass
from typing import assert_never

from nbtasks.asking import USUAL
from nbtasks.retry import RetryPolicy
from nbtasks.states import SUCCESS
from nbtasks.worker.work import LATER, RETRYABLE


@dataclass(frozen=True, slots=True)
class Returned:
    """It returned a value."""


@dataclass(frozen=True, slots=True)
class Raised:
    """It raised; `is_retryable` says whether the policy names this error."""

    is_retryable: bool


@dataclass(frozen=True, slots=True)
class Crashed:
    """Its process died while it ran; `reason` says how."""

    reason: str


Outcome = Returned | Raised | Crashed


@dataclass(frozen=True, slots=True)
class Succeed:
    """Store the value."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Store the error."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Queue it again after this many milliseconds."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Another process takes it at once; the store counts the death, and gives up after the cap."""

    reason: str


Decision = Succeed | Fail | RetryIn | GiveBack


def decide(outcome: Outcome, policy: RetryPolicy, retries: int, chance: float) -> Decision:
    """What becomes of a task.

    Args:
        outcome: How this try ended.
        policy: How the task is to be retried.
        retries: How many retries came before.
        chance: A random number from 0 to 1, for jitter.
    """
    match outcome:
        case Returned():
            return Succeed()
        case Raised(is_retryable):
            if is_retryable and policy.auto and retries < policy.max_retries:
                return RetryIn(policy.delay(retries, chance))
            return Fail()
        case Crashed(reason):
            return GiveBack(reason)
        case _:
            assert_never(outcome)


def decide_ended(
    state: int, body: bytes, policy: RetryPolicy, retries: int, chance: float
) -> tuple[Decision, bytes]:
    """What becomes of a member that a child says has ended, and the body without what it asks for.

    Args:
        state: How it ended.
        body: Its value or error; of one that is to be tried `LATER` also when.
        policy: How the task is to be retried.
        retries: How many retries came before.
        chance: A random number from 0 to 1, for jitter.
    """
    if state == LATER:
        wait, _, error = body.partition(b"\n")
        ms = int(wait) if wait.isdigit() else USUAL
        return RetryIn(policy.delay(retries, chance) if ms == USUAL else ms), error
    outcome = Returned() if state == SUCCESS else Raised(is_retryable=state == RETRYABLE)
    return decide(outcome, policy, retries, chance), body
