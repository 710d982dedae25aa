"""Rules that hold for an entry whenever it is looked at, however late, and however long runs take.

A walk looks at an entry at some moments, as workers do, does what `steps` says, and keeps a list.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbtasks.overlap import LATE_MS, Leave, Moment, Overlap, Policy, Run, Wait, fire_at, steps
from nbtasks.schedule import Schedule, crontab, every

AT = 1_772_323_200_000
MINUTE = 60_000


@dataclass
class Walk:
    """An entry as Redis has it, and what became of its times."""

    schedule: Schedule
    policy: Policy
    due: int | None
    lasts: int
    is_buffered: bool = False
    ends: list[int] = field(default_factory=list)
    seen: dict[str, list] = field(default_factory=lambda: defaultdict(list))

    def look(self, now):
        if self.due is None:
            return
        running = any(end > now for end in self.ends)
        at = Moment(
            name="x", due_ms=self.due, now_ms=now, is_running=running, is_buffered=self.is_buffered
        )
        for step in steps(self.schedule, self.policy, at):
            self.do(step, now)

    def do(self, step, now):
        assert step.due_ms == self.due
        match step:
            case Run(due, after):
                if self.policy.overlap is Overlap.CANCEL_OTHER:
                    self.ends = [min(end, now) for end in self.ends]
                self.seen["runs"].append((due, now, sum(end > now for end in self.ends)))
                self.ends.append(now + self.lasts)
                self.due, self.is_buffered = after, False
            case Leave(due, last, _, is_skipped, after):
                kind = "skipped" if is_skipped else "missed"
                self.seen[kind].append((due, last, now))
                self.due, self.is_buffered = after, False
            case Wait(_):
                self.is_buffered = True
                self.seen["waited"].append((step.due_ms, now))

    def times(self):
        """Every time that something became of, of runs and of what was left."""
        ran = [due for due, _, _ in self.seen["runs"]]
        left = [(a, b) for a, b, _ in self.seen["skipped"] + self.seen["missed"]]
        return sorted(ran + [time for a, b in left for time in self.between(a, b)])

    def between(self, first, last):
        found = [first]
        while found[-1] < last:
            found.append(self.schedule.next_after_ms(found[-1]))
        return found


schedules = st.one_of(
    st.builds(
        lambda period, jitter: every(period, jitter=jitter),
        st.sampled_from([10, 60, 90, 600]), st.sampled_from([0, 1, 45, 7200]),
    ),
    st.sampled_from([crontab(), crontab("*/7", "1-3"), crontab(30, 2, tz="Europe/Paris")]),
)  # fmt: skip
policies = st.builds(
    Policy, overlap=st.sampled_from(Overlap), catch_up_ms=st.sampled_from([0, 1000, 10 * MINUTE])
)
gaps = st.lists(
    st.one_of(st.integers(1, 2000), st.integers(1, 90 * MINUTE)), min_size=1, max_size=25
)


def walked(schedule, policy, gaps, lasts):
    walk = Walk(schedule, policy, schedule.next_after_ms(AT), lasts)
    now = AT
    for gap in gaps:
        now += gap
        walk.look(now)
    return walk, now


walks = given(
    schedule=schedules, policy=policies, gaps=gaps, lasts=st.sampled_from([1, 5000, 30 * MINUTE])
)


@walks
def test_each_time_is_run_skipped_or_missed_once_and_none_is_left_out(
    schedule, policy, gaps, lasts
):
    walk, _ = walked(schedule, policy, gaps, lasts)
    times = walk.times()
    assert times == walk.between(schedule.next_after_ms(AT), times[-1]) if times else True
    assert walk.due == schedule.next_after_ms(times[-1] if times else AT)


@walks
def test_nothing_runs_before_its_time_and_only_what_overlap_allows_beside_another(
    schedule, policy, gaps, lasts
):
    walk, _ = walked(schedule, policy, gaps, lasts)
    for due, now, beside in walk.seen["runs"]:
        assert fire_at(schedule, "x", due) <= now
        assert not beside or policy.overlap is Overlap.ALLOW
    if policy.overlap is Overlap.ALLOW:
        assert not walk.seen["skipped"]
        assert not walk.seen["waited"]


@walks
@example(schedule=every(60), policy=Policy(catch_up_ms=0), gaps=[60_005], lasts=1)
@example(schedule=every(600, jitter=7200), policy=Policy(), gaps=[90 * MINUTE] * 9, lasts=1)
def test_a_time_is_missed_only_when_it_is_later_than_is_made_up_for(schedule, policy, gaps, lasts):
    walk, _ = walked(schedule, policy, gaps, lasts)
    for first, last, now in walk.seen["missed"]:
        for due in walk.between(first, last):
            assert now - fire_at(schedule, "x", due) > max(policy.catch_up_ms, LATE_MS)


@settings(max_examples=50)
@given(schedule=schedules, policy=policies)
def test_what_is_looked_at_in_time_is_never_missed(schedule, policy):
    walk = Walk(schedule, policy, schedule.next_after_ms(AT), lasts=1)
    for late in (0, 3, 40, 900, 5, 999):
        walk.look(fire_at(schedule, "x", walk.due) + late)
    assert not walk.seen["missed"]
    assert len(walk.seen["runs"]) >= 1
