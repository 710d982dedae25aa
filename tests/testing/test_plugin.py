"""The plugin of pytest: its fixtures in a run of their own, and that it costs nothing unused."""

import os
import subprocess
import sys
import textwrap

import pytest

from nbtasks.testing import plugin

TESTS = """
    import pytest
    from nbtasks import App, shared_task

    program = App("lab", broker="redis://127.0.0.1:1", key="k")

    @program.task
    def add(x, y):
        return x + y

    @shared_task
    def mul(x, y):
        return x * y

    @pytest.fixture(scope="session")
    def nbtasks_config():
        return {"task_default_priority": 4, "task_max_retries": 1}

    @pytest.fixture(scope="session")
    def nbtasks_worker_parameters():
        return {"concurrency": 2}

    def test_session(nbtasks_session_app, nbtasks_session_worker):
        assert mul.delay(2, 3).get(20) == 6
        assert nbtasks_session_app.conf.task_default_priority == 4

    def test_worker(nbtasks_app, nbtasks_worker):
        assert mul.delay(2, 3).get(20) == 6
        assert [w.name for w in nbtasks_app.workers()] == [nbtasks_worker.name]

    @pytest.mark.nbtasks(task_default_priority=9)
    class TestMarked:
        @pytest.mark.nbtasks(task_ignore_result=True)
        def test_settings(self, nbtasks_app):
            conf = nbtasks_app.conf
            found = conf.task_default_priority, conf.task_max_retries, conf.task_ignore_result
            assert found == (9, 1, True)

    def test_drain(nbtasks_app, nbtasks_clock, nbtasks_drain):
        result = mul.apply_async((2, 3), countdown=60)
        assert nbtasks_drain() == []
        assert nbtasks_drain(seconds=61) == [result]

    @pytest.mark.nbtasks(task_eager_propagates=False)
    def test_eager(nbtasks_eager_app):
        assert mul.delay(2, "a").get() == "aa"
        assert mul.delay(None, None).failed()

    class TestProgram:
        @pytest.fixture
        def nbtasks_program(self):
            return program

        def test_is_drained(self, nbtasks_app, nbtasks_drain):
            result = add.delay(1, 2)
            assert nbtasks_app is program
            assert nbtasks_drain() == [result]
"""

ALONE = """
    import sys

    def test_nothing_of_nbtasks_is_imported():
        found = {name for name in sys.modules if name.startswith(("nbtasks", "redis"))}
        assert found == {"nbtasks", "nbtasks.testing", "nbtasks.testing.plugin"}
"""


@pytest.fixture
def run(tmp_path):
    def run(text, *options):
        (tmp_path / "test_it.py").write_text(textwrap.dedent(text))
        environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
        command = [sys.executable, "-W", "error", "-m", "pytest", "-p", plugin.__name__, *options]
        return subprocess.run(
            [*command, "--strict-markers", "-p", "no:randomly", "."],
            cwd=tmp_path,
            env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.slow
def test_all_fixtures_do_what_they_say_side_by_side(run):
    done = run(TESTS, "-p", "xdist.plugin", "-n", "2")
    assert "6 passed" in done.stdout, done.stdout + done.stderr


def test_a_run_that_does_not_use_it_imports_nothing(run):
    done = run(ALONE)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
