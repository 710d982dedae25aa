"""The history of the last hour: points that workers add to, in a bounded ring."""

from nbtasks.store.hour import SPAN_MS, read_hour
from nbtasks.worker.hour import EVERY_MS, Hour
from nbtasks.worker.vitals import Tally


class Clock:
    now_ms = 1000.0

    def tick_ms(self):
        return self.now_ms


def now(store):
    return int(store.call("TIME")[0]) * 1000


def test_workers_add_to_the_same_points(store, submit):
    submit(7, queue="default")
    for _ in range(2):
        store.run_script("hour", 10, 1, 2, 4, 30, "default", "nobody")

    points = read_hour(store, now(store))

    assert sum(point.done for point in points) == 20
    assert sum(point.failed for point in points) == 2
    assert sum(point.busy for point in points) == 4.0
    assert sum(point.slots for point in points) == 8.0
    assert {point.waiting for point in points} == {7}
    assert all(0 <= now(store) - point.at_ms <= SPAN_MS + 1000 for point in points)


def test_what_is_older_than_an_hour_or_no_point_is_not_shown(store):
    store.run_script("hour", 1, 0, 0, 1, 30)
    key = f"{store.keys.prefix}hour"
    store.call("HSET", key, "a", "x", "b", "1 2 3", "c", "5 1 1 1 1 1", "d", "")

    assert [point.done for point in read_hour(store, now(store))] == [1]
    assert read_hour(store, now(store) + 3_700_000) == []


def test_the_oldest_point_gives_its_place_to_the_newest(store):
    key, at = f"{store.keys.prefix}hour", now(store) // SPAN_MS
    for number in (at, at + 1):
        store.call("HSET", key, number % 120, f"{number - 120} 9 9 9 9 9")

    store.run_script("hour", 1, 0, 0, 1, 30)

    assert store.call("HLEN", key) == 2
    assert [point.done for point in read_hour(store, now(store))][-1] == 1


def test_a_worker_tells_twice_a_minute_what_is_new():
    clock, tally = Clock(), Tally()
    hour = Hour(tally, clock)
    tally.add("fit", 5, 1)
    assert hour.take(1, 2) is None

    clock.now_ms += EVERY_MS
    assert hour.take(1, 2) == [5, 1, 1, 2, 30]
    assert hour.take(1, 2) is None

    tally.add("fit", 2, 0)
    clock.now_ms += EVERY_MS
    assert hour.take(0, 2) == [2, 0, 0, 2, 30]
