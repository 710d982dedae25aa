"""What a task knows of how it was sent, and what it writes into its log."""

import datetime as dt
import os
import threading

import pytest
from patience import wait_until

from nbtasks.envelope import USUAL, Envelope
from nbtasks.errors import ConfigError

SENT = ("eta", "expires", "delivery_info", "shadow", "task")
USUALLY = {"exchange": "", "routing_key": "default", "priority": 0, "redelivered": False}


@pytest.fixture
def app(shared_app, shared_worker):  # noqa: ARG001 - it is to run
    return shared_app


@pytest.fixture(params=["worker", "eager"])
def run(request):
    """Runs a task on a worker, or here."""

    def run(task, *args, **options):
        if request.param == "eager":
            return task.apply(args, **options)
        return task.apply_async(args, **options)

    return run


@pytest.fixture
def sent(app):
    @app.task(bind=True, name="sent")
    def sent(self, *names):
        return [self.request.get(name, "none") for name in names]

    return sent


def test_a_task_that_was_sent_without_more_ado_knows_so(sent, run):
    assert run(sent, *SENT).get(timeout=20) == [None, None, USUALLY, None, "sent"]
    assert run(sent, "id", "what").get(timeout=20)[1] == "none"


def test_a_task_knows_its_times_its_queue_and_its_priority(sent, run):
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - what a client says
    result = run(sent, *SENT, countdown=0.2, expires=60, priority=7, shadow="Paul")
    eta, expires, info, *names = result.get(timeout=20)
    assert 0.1 < (dt.datetime.fromisoformat(eta) - now).total_seconds() < 30
    assert 59 < (dt.datetime.fromisoformat(expires) - now).total_seconds() < 90
    assert (info["routing_key"], info["priority"]) == ("default", 7)
    assert names == ["Paul", "sent"]


def test_people_are_shown_the_shadow(app, sent):
    result = sent.apply_async(("id",), shadow="Paul", countdown=60)
    assert repr(result).startswith("<AsyncResult Paul")
    assert app.AsyncResult(result.id).name == result.name == "Paul"
    result.revoke()
    with pytest.raises(ConfigError, match="shadow 'a b' is not a name"):
        sent.apply_async((), shadow="a b")


def test_a_task_of_another_queue_knows_it(sent, start_worker):
    start_worker("-c", "1", "-Q", "other")
    (info,) = sent.apply_async(("delivery_info",), queue="other").get(timeout=20)
    assert info["routing_key"] == "other"


def test_what_a_worker_has_lost_is_delivered_again(app, tmp_path):
    @app.task(bind=True)
    def die_once(self, path):
        from pathlib import Path  # noqa: PLC0415 - on the worker

        if not Path(path).exists():
            Path(path).touch()
            os._exit(1)
        return self.request.delivery_info["redelivered"]

    assert die_once.delay(str(tmp_path / "died")).get(timeout=30) is True


def test_a_line_of_a_task_goes_to_its_log_from_any_thread(app):
    @app.task(bind=True)
    def tell(self):
        thread = threading.Thread(target=self.log, args=("from", "a thread"))
        thread.start()
        thread.join()
        self.log(5)

    result = tell.delay()
    result.get(timeout=20)
    wait_until(lambda: "5\n" in result.log, "the lines are there")
    assert "from a thread\n5\n" in result.log


def test_here_a_line_is_printed(app, capsys):
    task = app.task(bind=True)(lambda self: self.log("here"))
    task()
    task.apply()
    assert capsys.readouterr().out == "here\nhere\n"


@pytest.mark.parametrize(
    "envelope",
    [USUAL, Envelope(eta_ms=1, expires_ms=2**53, queue="q", priority=9, shadow="s")],
    ids=["usual", "all"],
)
def test_an_envelope_says_what_is_not_as_usual(envelope):
    assert Envelope.from_header(envelope.to_header()) == envelope
    assert bool(USUAL.to_header()) is False
    assert envelope.expires in {None, "9999-12-31T23:59:59+00:00"}
