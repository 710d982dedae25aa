"""Logging and warnings of tasks: on their cards as in a notebook, in order with the rest."""

import logging
import warnings

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("worker")
def test_logging_warnings_and_prints_come_in_order(app):
    def run():
        print("first")  # noqa: T201 - the task prints
        logging.getLogger("mine").warning("second")
        warnings.warn("third", stacklevel=1)
        logging.warning("fourth")  # noqa: LOG015 - what notebooks do
        print("fifth")  # noqa: T201 - the task prints

    result = app.task(run).delay()
    result.get(10)
    lines = result.log.splitlines()
    words = ["first", "second", "third", "fourth", "fifth"]
    found = [next(at for at, line in enumerate(lines) if word in line) for word in words]
    assert found == sorted(found)
    assert "UserWarning: third" in result.log
    assert "WARNING:root:fourth" in lines


@pytest.mark.usefixtures("worker")
def test_a_task_may_set_logging_up_for_itself(app):
    def run():
        logging.basicConfig(format="mine %(levelname)s %(message)s", level=logging.DEBUG)
        logging.getLogger("any").debug("seen")

    def run_with_handler():
        logger = logging.getLogger("own")
        logger.addHandler(logging.StreamHandler())
        logger.warning("once")

    alone = app.task(run_with_handler).delay()
    alone.get(10)
    assert alone.log == "once\n"
    result = app.task(run).delay()
    result.get(10)
    assert result.log == "mine DEBUG seen\n"
