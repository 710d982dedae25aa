"""Lines of logs, and the loggers of tasks."""

import json
import logging
import sys

import pytest

from nbtasks.config import Config
from nbtasks.errors import ConfigError
from nbtasks.loglines import TASK_LOGGER, JsonLines, LogSettings, TextLines, get_task_logger


def record(message="hello", *args, task="", error=None):
    found = logging.LogRecord("mine", logging.WARNING, "", 1, message, args, error)
    found.task_id, found.task_name = (task, "add") if task else ("", "")
    return found


def test_what_a_task_logs_has_its_own_format():
    lines = TextLines("%(message)s", "%(task_name)s[%(task_id)s] %(message)s")
    assert lines.format(record("1 %s", 2)) == "1 2"
    assert lines.format(record(task="a1")) == "add[a1] hello"
    unmarked = logging.makeLogRecord({"msg": "by another library"})
    assert lines.format(unmarked) == "by another library"


def test_json_lines_have_the_same_names_and_no_line_breaks():
    try:
        {}["x"]
    except KeyError:
        error = sys.exc_info()
    line = JsonLines("w1").format(record("one\ntwo é", task="a1", error=error))
    found = json.loads(line)
    assert "\n" not in line
    assert (found["message"], found["task_id"], found["task_name"]) == ("one\ntwo é", "a1", "add")
    assert (found["level"], found["logger"], found["worker"]) == ("WARNING", "mine", "w1")
    assert found["exc"].endswith("KeyError: 'x'")
    plain = json.loads(JsonLines("w1").format(record()))
    assert (plain["task_id"], plain["exc"], plain.keys()) == (None, None, found.keys())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"worker_log_format": "%(nope)s"}, "worker_log_format is '%(nope)s'"),
        ({"worker_task_log_format": "no field"}, "and no format of lines"),
        ({"worker_log_format": 7}, "worker_log_format is 7"),
        ({"worker_log_file": 7}, "it must be the name of a file"),
        ({"worker_log_json": "yes"}, "it must be True or False"),
    ],
    ids=str,
)
def test_what_is_no_format_is_refused(settings, words):
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    assert words in str(caught.value)


def test_celerys_formats_are_taken():
    form = "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"
    task_form = "[%(asctime)s: %(levelname)s] %(task_name)s[%(task_id)s]: %(message)s"
    LogSettings(worker_log_format=form, worker_task_log_format=task_form).check_logs()


def test_a_task_logger_is_below_that_of_all_tasks():
    logger = get_task_logger("shop.tasks.of.this.test")
    assert (logger.name, logger.parent.name) == ("shop.tasks.of.this.test", TASK_LOGGER)
    assert get_task_logger("shop.tasks.of.this.test") is logger
    assert get_task_logger(TASK_LOGGER).parent is not get_task_logger(TASK_LOGGER)
