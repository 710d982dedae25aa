"""Reading events: at once where somebody waits for one, so much at a time where they flow."""

from nbtasks.flow import HURRY_MS, REST_MS, Flow


def nobody():
    return False


def somebody():
    return True


def rests(flow, times, is_awaited=nobody, count=1):
    return [flow.rest_ms(now, count, is_awaited) for now in times]


def test_events_far_apart_are_read_at_once():
    assert rests(Flow(), [0, 100, 200, 300]) == [0, 0, 0, 0]


def test_a_flow_that_nobody_waits_for_rests_after_its_second_read():
    assert rests(Flow(), [0, 1, 22, 43]) == [0, REST_MS, REST_MS, REST_MS]


def test_a_flow_that_ends_is_a_flow_no_more():
    assert rests(Flow(), [0, 1, 100, 200]) == [0, REST_MS, 0, 0]


def test_a_read_that_brought_nothing_is_of_no_flow():
    flow = Flow()
    assert rests(flow, [0, 1], count=0) == [0, 0]
    assert rests(flow, [2]) == [0]


def test_while_somebody_waits_and_a_second_longer_no_read_rests():
    flow = Flow()
    assert rests(flow, range(0, 50, 5), somebody) == [0] * 10
    assert rests(flow, range(50, 1_040, 10)) == [0] * 99
    assert rests(flow, [45 + HURRY_MS]) == [REST_MS]
