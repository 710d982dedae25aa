"""A connection that was closed: what was submitted before it is not lost sight of."""

import gc

import pytest
from patience import wait_until
from servers import Server

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")


def test_a_handle_from_before_a_close_gets_its_end(server, make_app, add_worker):
    app = make_app(server.url)
    group = app.map(abs, range(-5, 0))
    single = app.task(len).delay("abc")
    app.close()
    add_worker(app)
    app.close()
    assert single.get(10) == 3
    assert group.get(10) == [5, 4, 3, 2, 1]


def test_an_end_while_the_app_was_closed_is_found(server, make_app, add_worker):
    app, other = make_app(server.url), make_app(server.url)
    other.config = app.config
    add_worker(app)
    result = app.task(len).apply_async(["abc"], countdown=0.2)
    app.close()
    wait_until(lambda: other.AsyncResult(result.id).ready(), "it has ended")
    assert result.get(10) == 3


def test_what_is_lost_while_the_app_is_closed_is_sent_again(tmp_path, make_app, add_worker):
    server = Server(tmp_path, "--appendonly", "no")
    server.start()
    app = make_app(server.url)
    result = app.task(len).delay("abc")
    app.close()
    server.kill()
    server.start()
    add_worker(app)
    assert result.get(10) == 3
    app.close()
    server.kill()


def test_what_nobody_holds_is_not_followed_after_a_close(server, make_app):
    app = make_app(server.url, redrive=False)
    app.task(len).delay("abc")
    app.close()
    gc.collect()
    assert len(app._records) == 0
