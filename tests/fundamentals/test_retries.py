"""A task that asks to be tried again, on a worker and in this process."""

import pytest
from patience import wait_until

from nbtasks.context import TaskContext
from nbtasks.errors import ConfigError, MaxRetriesExceededError, Retry, TaskRevoked

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture
def app(shared_app):
    """The app of the shared worker."""
    return shared_app


@pytest.fixture(params=["worker", "eager"])
def run(request):
    """Runs a task on a worker, or here."""

    def run(task, *args, **options):
        if request.param == "eager":
            return task.apply(args, **options)
        return task.apply_async(args, **options)

    return run


def test_a_task_asks_to_be_tried_again_and_succeeds(app, run):
    @app.task(bind=True)
    def fetch(self):
        if self.request.retries < 2:
            raise self.retry(exc=ValueError("busy"), countdown=0.01)
        return self.request.id, self.request.retries

    result = run(fetch)
    assert result.get(timeout=10) == (result.id, 2)
    assert result.retries == 2


def test_a_task_that_was_tried_as_often_as_it_may_be_fails_of_its_error(app, run):
    @app.task(bind=True, max_retries=1)
    def fetch(self):
        raise self.retry(exc=ValueError("busy"), countdown=0)

    with pytest.raises(ValueError, match="busy"):
        run(fetch).get(timeout=10)

    @app.task(bind=True, default_retry_delay=0)
    def wait(self, most):
        self.retry(max_retries=most)

    with pytest.raises(MaxRetriesExceededError, match="was 2 times already"):
        run(wait, 2).get(timeout=10)


def test_a_task_may_catch_that_it_was_tried_often_enough(app, run):
    @app.task(bind=True, max_retries=2)
    def fetch(self):
        try:
            self.retry(countdown=0)
        except MaxRetriesExceededError:
            return self.max_retries, self.request.retries

    assert run(fetch).get(timeout=10) == (2, 2)


def test_raising_retry_needs_no_self(app, run):
    @app.task(default_retry_delay=0)
    def fetch(delay):
        raise Retry(delay, ValueError("busy"))

    with pytest.raises(ValueError, match="busy"):
        run(fetch, 0).get(timeout=10)
    with pytest.raises(ValueError, match="busy"):
        run(fetch, None).get(timeout=10)


def test_a_retry_that_makes_no_sense_fails_the_task(app):
    @app.task
    def fetch():
        raise Retry("soon")

    with pytest.raises(ConfigError, match="the delay of a retry is 'soon'"):
        fetch.delay().get(timeout=10)


def test_an_async_task_may_ask_as_well(app, run):
    @app.task(bind=True)
    async def fetch(self):
        if not self.request.retries:
            raise self.retry(countdown=0)
        return self.request.retries

    assert run(fetch).get(timeout=10) == 1


def test_each_member_of_a_group_asks_for_itself(app):
    @app.task(bind=True)
    def fetch(self, number):
        if self.request.retries < number % 3:
            raise self.retry(countdown=0)
        return number, self.request.retries

    assert fetch.map_async(range(6)).get(timeout=10) == [(n, n % 3) for n in range(6)]


def test_while_it_waits_its_state_is_retry(app):
    @app.task(bind=True)
    def fetch(self):
        raise self.retry(exc=ValueError("busy"), countdown=600)

    result = fetch.delay()
    wait_until(lambda: result.state == "RETRY", "it waits for its next try")
    result.revoke()
    with pytest.raises(TaskRevoked):
        result.get(timeout=10)


def test_a_plain_call_raises_what_it_would_fail_of(app):
    @app.task(bind=True)
    def fetch(self, error):
        assert isinstance(self, TaskContext)
        return self.retry(exc=error)

    with pytest.raises(ValueError, match="busy"):
        fetch(ValueError("busy"))
    with pytest.raises(Retry, match="the task is to be tried again"):
        fetch(None)


def test_headers_reach_the_task_and_its_later_tries(app, run):
    @app.task(bind=True)
    def fetch(self):
        if not self.request.retries:
            raise self.retry(countdown=0)
        return self.request.headers

    assert run(fetch, headers={"trace": [1, "a"]}).get(timeout=10) == {"trace": [1, "a"]}
    assert run(fetch).get(timeout=10) == {}
    for wrong in ("x", {1: 2}, {"a": object()}):
        with pytest.raises(ConfigError, match=r"headers is .*: it must be a mapping"):
            run(fetch, headers=wrong)
