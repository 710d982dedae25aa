"""Processes that fire the same entry, in an order that does not come by itself."""

import pytest
from patience import wait_until

from nbtasks.clock import SystemClock
from nbtasks.firing import Firer
from nbtasks.schedule import every
from nbtasks.store.link import Link


@pytest.fixture
def firers(fresh_app):
    """Two of them; no worker takes what they send."""
    links = {name: Link(fresh_app.config.url) for name in "ab"}
    yield [Firer(link, fresh_app.config, name, SystemClock()) for name, link in links.items()]
    for link in links.values():
        link.close()
    fresh_app.schedules.remove("x")


def look_until_due(firer):
    return wait_until(lambda: (found := firer._look()).due and found, "it is due again")


def test_who_comes_late_does_not_end_the_run_of_who_took_over(fresh_app, firers):
    late, other = firers
    fresh_app.schedules.add(
        "x", fresh_app.task(lambda: None, name="nothing").s(), every(1), overlap="cancel_other"
    )
    wait_until(lambda: [late.wake(), late.step()][1], "the first run is there")
    found = look_until_due(late)
    # It sleeps now for so long that the entry is given to the other one.
    fresh_app.store.call("ZADD", fresh_app.store.keys.prefix + "due", 0, "x")
    other.wake()
    assert other.step() == 1
    late._fire(found)
    newest, oldest = fresh_app.schedules.history("x")[0], fresh_app.schedules.history("x")[-1]
    assert newest.result.state == "PENDING"
    assert oldest.result.state == "REVOKED"
    newest.result.revoke()
