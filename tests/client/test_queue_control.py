"""`app.control`: queues are paused, resumed and purged from any client."""

import warnings

import pytest
from patience import wait_until

from nbtasks import NoWorkerWarning


@pytest.fixture(autouse=True)
def nobody_works():
    """These tasks wait, as they are meant to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoWorkerWarning)
        yield


def test_a_queue_is_paused_and_resumed(app):
    control = app.control
    assert control.pause("slow")
    assert not control.pause("slow")
    assert list(control.paused()) == ["slow"]
    assert control.resume("slow")
    assert not control.resume("slow")
    assert dict(control.paused()) == {}


def test_what_waits_is_purged_and_ends_as_revoked(app):
    task = app.task(lambda value: value, name="never")
    waiting, elsewhere = task.map_async(range(30)), task.apply_async((1,), queue="other")
    later = task.apply_async((1,), countdown=100)
    assert app.control.purge() == 30
    wait_until(lambda: {each.state for each in waiting} == {"REVOKED"}, "they are revoked")
    assert app.control.purge(scheduled=True) == 1
    assert app.control.purge("other") == 1
    rest = (later, elsewhere)
    wait_until(lambda: {each.state for each in rest} == {"REVOKED"}, "so are the others")
