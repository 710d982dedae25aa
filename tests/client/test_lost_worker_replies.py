"""The replies to a worker are lost after Redis has done what was asked."""

from collections import Counter
from pathlib import Path

import pytest
from proxy import Proxy

from nbtasks.store.scripts import SCRIPTS

ROUNDS = 20
TASKS = 50


@pytest.fixture
def proxy(server):
    proxy = Proxy(lambda: server)
    yield proxy
    proxy.close()


@pytest.mark.slow
@pytest.mark.parametrize("script", ["exchange", "report"])
def test_a_worker_whose_replies_are_lost_loses_no_task(
    proxy, make_app, add_worker, tmp_path, script
):
    app = make_app(proxy.url)
    path = tmp_path / "runs"

    def note(number):
        with Path(path).open("a") as file:
            file.write(f"{number}\n")
        print(number)  # noqa: T201 - output makes the worker report
        return number

    add_worker(app)
    for number in range(ROUNDS):
        proxy.lose_reply(SCRIPTS[script].sha.encode())
        numbers = range(number * TASKS, (number + 1) * TASKS)
        assert app.map(note, numbers).get(20) == list(numbers)
    assert proxy.dropped > 0
    runs = Counter(path.read_text().split())
    assert len(runs) == ROUNDS * TASKS


@pytest.mark.slow
def test_an_order_is_obeyed_once_however_many_replies_are_lost(proxy, make_app, add_worker):
    app = make_app(proxy.url)
    add_worker(app)
    before = app.workers()[0].concurrency
    for script in ("order", "extend", "answer") * 2:
        proxy.lose_reply(SCRIPTS[script].sha.encode())
        (answers,) = app.control.pool_grow(reply=True, timeout=15)
        assert [*answers.values()] == [{"ok": f"it runs {before + 1} tasks at a time"}]
        before += 1
    assert app.workers()[0].concurrency == before
    assert proxy.dropped > 0
