"""How many tasks a worker runs at a time follows the work, between its bounds."""

from nbtasks.worker.scale import REST_MS, Scale


def test_it_grows_by_one_while_work_waits_and_all_are_busy():
    scale = Scale(1, 3)
    grown = [scale.look(now, scale.target, has_more=True) for now in range(4)]
    assert grown == [True, True, False, False]
    assert scale.target == 3


def test_it_does_not_grow_while_one_is_free_or_nothing_waits():
    scale = Scale(2, 4)
    assert not scale.look(0, 1, has_more=True)
    assert not scale.look(0, 2, has_more=False)
    assert scale.target == 2


def test_it_shrinks_to_the_most_that_was_needed_in_a_while():
    scale = Scale(1, 4)
    for now in range(3):
        scale.look(now, scale.target, has_more=True)
    for now in (10, 20, 30):
        scale.look(now, 2, has_more=False)
    scale.look(2 + REST_MS, 0, has_more=False)
    assert scale.target == 4, "four were needed at its beginning"
    scale.look(10 + REST_MS, 2, has_more=False)
    scale.look(2 + 2 * REST_MS, 0, has_more=False)
    assert scale.target == 2


def test_it_never_falls_below_its_least():
    scale = Scale(2, 4)
    scale.look(0, 2, has_more=True)
    for turn in range(1, 4):
        scale.look(turn * REST_MS, 0, has_more=False)
    assert scale.target == 2
