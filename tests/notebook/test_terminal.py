"""IPython in a terminal: the same magics, as text, without a kernel."""

import subprocess
import sys

import pytest
from kernel_side import end_users_of, private_environment

SESSION = """
%load_ext nbtasks
%broker --start 1
get_ipython().run_cell_magic('task', 'squares -b --for n in range(3)', 'print("in a task")\\nn * n')
get_ipython().run_cell_magic('task', 'bad', '1 / 0')
try:
    bad.get()
except ZeroDivisionError:
    print("caught")

%tasks
%%task -b --blok
1


"""


@pytest.fixture
def session(tmp_path):
    environment = private_environment(tmp_path, TERM="dumb", NO_COLOR="1")

    def run(source):
        ended = subprocess.run(
            [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=nocolor", "--quiet"],
            input=source,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.stdout + ended.stderr

    yield run
    end_users_of(environment["NBTASKS_HOME"])


def test_a_terminal_shows_text_and_no_traceback(session):
    said = session(SESSION)

    assert "Connected to the embedded server: 1 worker" in said
    assert "squares: 3 tasks · 3 SUCCESS" in said
    assert "bad: 1 task · 1 FAILURE\n  ZeroDivisionError: division by zero" in said
    assert "caught" in said
    assert "[0, 1, 4]" in said
    assert "2 tasks of this notebook" in said
    assert "there is no option --blok: did you mean '--block'?" in said
    assert "Traceback" not in said
    assert "<IPython" not in said


def test_a_terminal_shows_what_a_task_writes(session):
    said = session("%load_ext nbtasks\n%broker --start 1\n%task -b -- print('in a task')\n")

    assert "1 task · 1 SUCCESS\n  in a task" in said


def test_a_terminal_shows_where_a_task_failed(session):
    said = session("%load_ext nbtasks\n%broker --start 1\n%task -b -- [1][5]\n")

    assert "IndexError: list index out of range" in said
    assert "[1][5]" in said
    assert "on worker local-1@" in said
    assert "nbtasks/" not in said
