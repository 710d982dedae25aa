"""Somebody writes nonsense into Redis: the worker goes on with what is in order."""

import json

import pytest
from chores import noop
from patience import wait_until

NONSENSE = {
    "header": ("h", b"\xff" * 10),
    "deep header": ("h", b"[" * 60_000),
    "limit": ("h", b'{"v":1,"task":"a","code":"b","py":"","fresh":false,"kid":"","limit":"5"}'),
    "members": ("n", b"many"),
    "code": ("h", b'{"v":1,"task":"a","code":"\xff\xfe"}'),
    "retries": ("k0", b"often"),
    "body": ("m0", b"\x01" * 10),
    "Python": ("h", b'{"v":1,"task":"a","code":"b","py":"\xff"}'),
    "expiry": ("exp", b"never"),
    "time": ("us", b"long"),
    "clients": ("c", b"\xff \xfe"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:no worker listens")
@pytest.mark.parametrize("what", NONSENSE)
def test_a_worker_survives_nonsense_in_a_record_and_runs_the_next_task(app, start_worker, what):
    field, value = NONSENSE[what]
    task = app.task(noop)
    broken = task.delay(1)
    header = app.store.call("HGET", app.store.keys.record(broken.id), "h")
    code = json.loads(header)["code"]
    good = task.apply_async((2,), priority=1)
    app.store.call("HSET", app.store.keys.record(broken.id), field, value)

    worker = start_worker("-c", "1")

    assert good.get(10) == 2
    assert task.delay(3).get(10) == 3
    assert worker.process.poll() is None
    assert "Traceback" not in worker.text()
    # Which code is still needed is counted by what records say, and one of them lies.
    app.store.call("UNLINK", f"{app.store.keys.prefix}refs", app.store.keys.code(code))


@pytest.mark.filterwarnings("ignore:no worker listens")
@pytest.mark.parametrize(
    "name", [b"\xff:0:1", b"x", b"a:b:c", b"nobody:0:1", b"x:5:2", b"x:0:9999"]
)
@pytest.mark.parametrize("key", ["ready:default", "sched", "lease"])
def test_a_worker_survives_nonsense_in_a_queue(app, start_worker, key, name):
    app.store.call("ZADD", app.store.keys.prefix + key, 0, name)
    worker = start_worker("-c", "1")
    assert app.task(noop).delay(3).get(10) == 3
    assert worker.process.poll() is None
    app.store.call("UNLINK", app.store.keys.prefix + key)


def test_a_worker_survives_nonsense_among_questions(app, start_worker):
    worker = start_worker("-c", "1")
    name, prefix = app.workers()[0].name, app.store.keys.prefix
    orders = (b"a b ! 01", b"a b ! " + b"02" * 40, b"a b ! " + b"00" * 40, b"\xff \xff ! 01")
    for question in (b"", b"\xff", b"a b c d", b"a b 0", b"a b 0 nobody", b"a b -1 c", *orders):
        app.store.call("ZADD", f"{prefix}ask:{name}", app.store.now_ms(), question)
    app.store.call("ZADD", app.store.keys.wake(f"@{name}"), 0, "1")
    wait_until(lambda: not app.store.call("EXISTS", f"{prefix}ask:{name}"), "they were read")
    assert app.task(noop).delay(3).get(10) == 3
    assert worker.process.poll() is None


@pytest.mark.filterwarnings("ignore:no worker listens")
@pytest.mark.parametrize("checkpoint", [b"", b"many x", b"-3 x", b"2 x"])
def test_a_worker_survives_nonsense_for_a_checkpoint(app, start_worker, checkpoint):
    result = app.task(noop).delay(1)
    app.store.call("HSET", app.store.keys.record(result.id), "kp", "1", "cp0", checkpoint)
    worker = start_worker("-c", "1")
    assert result.get(10) == 1
    assert worker.process.poll() is None
