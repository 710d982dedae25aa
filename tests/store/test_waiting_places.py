"""Where a task waits, as a client asks the store."""

from nbtasks.store.places import find_place


def test_what_was_handed_over_to_another_python_has_a_place(submit, hand, store):
    rid = submit(python="3.99")
    hand("w2", python="3.99").beat()
    assert find_place(store, rid, 0).ahead == 0
    assert hand("w1").take() == []
    behind = submit()
    assert find_place(store, rid, 0).ahead == 0
    assert find_place(store, behind, 0).ahead == 0


def test_what_is_gone_has_none(submit, hand, store):
    rid = submit()
    assert find_place(store, "0" * 20, 0) is None
    hand().take()
    assert find_place(store, rid, 0) is None
