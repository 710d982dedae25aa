"""weigh.lua: how long values are."""


def test_the_sizes_of_values_are_told_without_the_values(submit, worker, store):
    rid = submit(3)
    taken = worker.take_one()
    worker.exchange(["f", taken.lease, 0, taken.rid, 0, "S", 10, b"value"])

    assert store.value_sizes(rid, [0, 7]) == [len(b"value"), 0]
    assert store.value_sizes("unknown", [0]) == [0]
