"""The magics in a real kernel, with a real worker: what cells show, and what they leave behind."""

import re

import pytest
from patience import wait_until

WIDGET = "application/vnd.jupyter.widget-view+json"
GATE = """
import os
def hold(path):
    "Runs until the file is there."
    import os, threading
    while not os.path.exists(path):
        threading.Event().wait(0.01)
"""


@pytest.fixture
def gate(kernel, tmp_path):
    """A file that tasks wait for: `hold(gate)` in a cell, `gate.touch()` in the test."""
    path = tmp_path / "gate"
    kernel.ok(f"{GATE}\ngate = {str(path)!r}")
    yield path
    path.touch()


# Sending


def test_a_task_leaves_the_kernel_free(kernel, gate):
    kernel.ok("%%task slow\nhold(gate)\n7")

    assert kernel.ok("slow.ready(), slow is _task, 1 + 1").value == "(False, True, 2)"
    gate.touch()
    assert kernel.ok("slow.get()").value == "7"


def test_a_task_without_a_name_is_task_and_carries_the_number_of_its_cell(kernel):
    cell = kernel.ok("%%task\n6 * 7")

    assert kernel.ok("_task.get(), _task.name").value.startswith("(42, ")
    assert re.match(r"<Task \w+… cell-\d+ ", cell.displays[0]["text/plain"])
    assert cell.value is None


def test_a_blocking_task_shows_its_value_as_the_out_of_the_cell(kernel):
    cell = kernel.ok("%%task best -b\nx = 20\nx + 22")

    assert cell.value == "42"
    assert kernel.ok("_, best.get()").value == "(42, 42)"


def test_a_semicolon_hides_the_value(kernel):
    assert kernel.ok("%%task -b\n1 + 1;").value is None


def test_what_a_task_prints_and_its_value_are_on_its_card(kernel):
    cell = kernel.ok("%%task -b\nprint('half way')\n'the value'")
    (card,) = cell.displays

    assert "half way" in card["text/html"]
    assert "the value" in card["text/html"]
    assert cell.text("stdout") == ""


def test_a_task_without_a_value_has_no_out(kernel):
    assert kernel.ok("%%task -b\nx = 1").value is None


def test_another_queue_is_named_on_the_card_and_nobody_there_is_told(kernel):
    cell = kernel.ok("%%task far -q gpu\n1")

    assert " · gpu" in cell.displays[0]["text/html"]
    assert cell.text("stderr") == (
        "NoWorkerWarning: no worker listens on queue 'gpu': the task waits until one starts"
        " (nbtasks worker -Q gpu)\n"
    )
    assert kernel.ok("far.queue, far.state, far.revoke()").value.startswith("('gpu', ")


def test_a_task_is_tried_again(kernel, tmp_path):
    kernel.ok(f"tries = {str(tmp_path / 'tries')!r}")
    source = "with open(tries, 'a') as f: f.write('x')\nopen(tries).read()\n"
    source += "if len(open(tries).read()) < 3: raise OSError('not yet')\nlen(open(tries).read())"

    assert kernel.ok(f"%%task -b -r 2 --retry-delay 0.05s\n{source}").value == "3"


@pytest.mark.usefixtures("gate")
def test_a_task_that_runs_over_its_time_limit_is_ended(kernel):
    said = kernel.run("%%task -b -t 0.2s\nhold(gate)").usage

    assert "limit" in said
    assert kernel.ok("%%task -b\n1").value == "1"


def test_a_loop_makes_a_task_of_each_item(kernel):
    cell = kernel.ok("%%task squares --for n in range(4)\nn * n")

    assert kernel.ok("squares.get(), type(squares).__name__").value == (
        "([0, 1, 4, 9], 'GroupResult')"
    )
    html = cell.displays[0]["text/html"]
    assert all(f"n={n}" in html for n in range(4))


def test_a_loop_unpacks_and_takes_any_expression(kernel):
    kernel.ok("pairs = {'a # b': 1, \"it's\": 2}")
    kernel.ok("%%task joined --for key, value in pairs.items() -q default\nkey * value")

    assert kernel.ok("joined.get()").value == "['a # b', \"it'sit's\"]"


def test_a_loop_hides_a_variable_of_the_notebook(kernel):
    kernel.ok("n = open('/dev/null')")

    assert kernel.ok("%%task -b --for n in [1, 2]\nn + 1").value == "[2, 3]"


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("x in []", "--for x in []: there is nothing in it"),
        ("a, b in [(1, 2), (3,)]", "--for a, b: (3,) has 1 parts, not 2"),
        ("a, b in [1, 2]", "--for a, b: 1 cannot be taken apart"),
    ],
)
def test_a_loop_over_the_wrong_things_is_told(kernel, clause, said):
    assert kernel.run(f"%%task --for {clause}\n1").usage == said


def test_an_error_in_the_expression_of_a_loop_is_the_users_own(kernel):
    assert kernel.run("%%task --for x in 1 / 0\nx").error == "ZeroDivisionError"


def test_outputs_become_variables_after_a_blocking_task(kernel):
    kernel.ok("%%task both -b -o low, high\nlow, high, other = 1, 9, 5")

    assert kernel.ok("low, high, 'other' in globals()").value == "(1, 9, False)"


def test_outputs_are_attributes_of_the_result(kernel):
    kernel.ok("%%task apart -o low\nlow = 3\n'value'")

    assert kernel.ok("apart.outputs.low, apart.get(), 'low' in apart.outputs.__dict__").value == (
        "(3, 'value', True)"
    )


def test_an_output_that_was_not_assigned_is_told(kernel):
    cell = kernel.run("%%task -b -o missing\n1")

    assert cell.error == "NameError"
    assert "was to give back missing, but did not assign it" in cell.traceback


def test_inputs_can_be_chosen(kernel):
    kernel.ok("u, v = 1, 2")

    assert kernel.ok("%%task -b -i u, v\nsorted(set(globals()) & {'u', 'v'})").value == "['u', 'v']"
    assert kernel.run("%%task -b -i none\nu").error == "NameError"
    assert kernel.run("%%task -i w\n1").usage.startswith("--inputs 'w': there is no such variable")


def test_inputs_are_listed_on_the_card_with_their_sizes(kernel):
    kernel.ok("data = b'x' * 80_000")
    cell = kernel.ok("%%task -b\nlen(data)")

    assert "inputs: data (80 kB)" in cell.displays[0]["text/html"]


def test_an_expression_is_evaluated_on_a_worker(kernel):
    kernel.ok("def double(x): return 2 * x")
    kernel.ok("twice = %task double(21)")

    assert kernel.ok("twice.get()").value == "42"


def test_an_expression_takes_options_before_two_dashes(kernel):
    kernel.ok("four = %task -q default --quiet -- 2 -- 2")

    assert kernel.ok("four.get()").value == "4"
    assert kernel.ok("%task -b -- 6 * 7").value == "42"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%task x = 1", "'x = 1' is not an expression; use a cell with %%task"),
        ("%task", "write what is to run: r = %task fit(0.1)"),
        ("%task -q gpu 1", "write options before --, and the expression after it"),
        ("%task -q gpu name -- 1", "before -- stand options only"),
        ("%task --quere x -- 1", "there is no option --quere: did you mean '--queue'?"),
        ("%%task a b\n1", "one name is enough, and there are 2: a b"),
        ("%%task fit --blok\n1", "there is no option --blok: did you mean '--block'?"),
        ("%%task\n\n", "the cell is empty"),
        ("%%task\n%time 1", "'%time 1' needs a notebook, and a worker has none"),
        ("%%task\nx = !ls", "'x = !ls' needs a notebook, and a worker has none"),
        ("%tasks -s FAILED", "there is no state 'FAILED': did you mean 'FAILURE'?"),
        ("%tasks all", "%tasks all: there is no such command"),
        ("%broker --strat 1", "there is no option --strat: did you mean '--start'?"),
        ("%broker a b", "one URL is enough, and there are 2"),
        ("%%task --priority 12\n1", "priority is 12"),
    ],
)
def test_a_mistake_is_one_line(kernel, line, said):
    cell = kernel.run(line)

    assert cell.usage.startswith(said)
    assert cell.displays == []


# What a cell may use


def test_a_cell_awaits_at_top_level(kernel):
    assert kernel.ok("%%task -b\nimport asyncio\nawait asyncio.sleep(0)\n5").value == "5"


def test_a_result_can_be_awaited(kernel):
    kernel.ok("%%task one\n1\n")

    assert kernel.ok("await one").value == "1"
    kernel.ok("%%task many --for n in range(3)\nn")
    assert kernel.ok("await many").value == "[0, 1, 2]"


def test_a_cell_uses_functions_classes_and_modules_of_the_notebook(kernel):
    kernel.ok("import math\nimport os.path as paths\nfrom json import dumps")
    kernel.ok("SCALE = 3\ndef scaled(x): return Point(x * SCALE)")
    kernel.ok("class Point:\n    def __init__(self, x): self.x = math.floor(x)")

    assert kernel.ok("%%task -b\ndumps([scaled(1.5).x, paths.join('a', 'b')])").value == (
        "'[4, \"a/b\"]'"
    )


def test_a_class_of_the_notebook_comes_back_as_itself(kernel):
    kernel.ok("class Point:\n    def __init__(self, x): self.x = x")

    assert kernel.ok("%%task -b -o p\np = Point(3)").value is None
    assert kernel.ok("type(p) is Point, p.x").value == "(True, 3)"


def test_a_changed_variable_is_sent_anew(kernel):
    kernel.ok("count = 1")
    kernel.ok("%%task before -b\ncount")
    kernel.ok("count = 2")

    assert kernel.ok("%%task -b\ncount").value == "2"


def test_what_a_task_assigns_is_unseen_by_the_next(kernel):
    kernel.ok("%%task -b\nleft_behind = 1")

    assert kernel.run("%%task -b\nleft_behind").error == "NameError"


def test_an_input_that_cannot_be_pickled_is_named(kernel):
    kernel.ok("import threading\nlock = threading.Lock()")

    said = kernel.run("%%task\nlock.acquire()").usage

    assert said.startswith("cannot send 'lock', which this cell reads (lock): ")
    assert said.endswith("create it inside the cell, or leave it out with --inputs")


def test_an_input_that_is_too_big_is_named_with_its_size(kernel):
    kernel.ok("huge = bytes(64_100_000)")

    said = kernel.run("%%task\nlen(huge)").usage

    assert said.startswith("'huge', which this cell reads, is 64.1 MB, above the limit of 64.0 MB")
    kernel.ok("del huge")


# Failures


def test_a_syntax_error_is_shown_as_ipython_shows_it(kernel):
    cell = kernel.run("%%task\nx = 1\n\nx = = 2")

    assert re.search(r"Cell In\[\d+\], line 4\n\s+x = = 2\n\s+\^\n", cell.traceback)
    assert cell.traceback.endswith("SyntaxError: invalid syntax\n")
    assert "nbtasks" not in cell.traceback


def test_a_failing_task_shows_the_line_of_its_cell_and_nothing_of_ours(kernel):
    cell = kernel.run("%%task bad -b\nx = 1\n\n1 / 0")

    assert cell.error == "ZeroDivisionError"
    assert re.search(r"Cell In\[\d+\], line 4\n", cell.traceback)
    assert "----> 4 1 / 0" in cell.traceback
    assert re.search(r"\non worker \S+, try 1, after \d", cell.traceback)
    assert not re.search(r"nbtasks|magics|result\.py|ipykernel", cell.traceback)


def test_get_shows_the_line_of_the_task_too(kernel):
    kernel.ok("%%task bad\n[][5]")

    cell = kernel.run("bad.get()")

    assert cell.error == "IndexError"
    assert re.findall(r"Cell In\[\d+\], line (\d+)", cell.traceback) == ["1", "2"]
    assert not re.search(r"nbtasks/|result\.py", cell.traceback)


def test_an_error_in_a_function_of_the_notebook_shows_both_lines(kernel):
    kernel.ok("def inner(x):\n    y = x\n    return y['key']\n")

    cell = kernel.run("%%task -b\n\ninner({})")

    assert cell.error == "KeyError"
    assert "----> 3 inner({})" in cell.traceback
    assert "----> 3     return y['key']" in cell.traceback


def test_an_exception_class_of_the_notebook_comes_back_as_itself(kernel):
    kernel.ok("class Odd(Exception):\n    pass")
    kernel.ok("%%task odd\nraise Odd(3)")

    caught = kernel.ok("try:\n    odd.get()\nexcept Odd as e:\n    print(e.args)")
    assert caught.text("stdout") == "(3,)\n"


def test_an_exception_that_cannot_travel_is_shown_with_its_lines(kernel):
    source = "class Stuck(Exception):\n  def __init__(self, a, b): super().__init__(a)\n"
    cell = kernel.run(f"%%task -b\n{source}raise Stuck('no', 2)")

    assert cell.error == "RemoteError"
    assert "Stuck: no" in cell.traceback
    assert "----> 4 raise Stuck('no', 2)" in cell.traceback


def test_the_card_of_a_failure_names_cells_and_no_file(kernel):
    kernel.run("%%task -b\n1 / 0")
    cell = kernel.run("%%task -b\n1 / 0")
    html = cell.displays[0]["text/html"]

    assert re.search(r"Cell In\[\d+\], line 2, in", html)
    assert "ipykernel" not in html


def test_a_failing_task_of_a_loop_fails_the_wait_and_stays_apart(kernel):
    cell = kernel.run("%%task ratio -b --for n in [1, 0, 2]\n6 // n")

    assert cell.error == "ZeroDivisionError"
    wait = "ratio.get(propagate=False)"
    assert (
        kernel.ok(wait).value == "[6, ZeroDivisionError('integer division or modulo by zero'), 3]"
    )
    assert "n=0" in cell.displays[0]["text/html"]


def test_a_wait_that_is_too_long_is_one_line_and_the_task_goes_on(kernel, gate):
    cell = kernel.run("%%task slow -b --timeout 0.1s\nhold(gate)\n'done'")

    assert re.fullmatch(r"task '\w+' did not finish within 0.1 s \(now: \w+\); .*", cell.usage)
    gate.touch()
    assert kernel.ok("slow.get()").value == "'done'"


# The board


def test_a_board_is_one_widget_and_ends_as_a_static_picture(kernel, gate):
    before = len(kernel.widgets)
    cell = kernel.ok("%%task --for n in range(20)\nhold(gate)")
    live = cell.displays
    gate.touch()
    kernel.ok("_task.get()")
    wait_until(lambda: kernel.read() and WIDGET not in cell.displays[0], "the board is static")

    assert len(kernel.widgets) - before == 1
    assert [one.keys() for one in live] == [{WIDGET, "text/html", "text/plain"}]
    assert [one.keys() for one in cell.displays] == [{"text/html", "text/plain"}]
    assert "20 / 20" in cell.displays[0]["text/html"]


def test_a_board_stays_live_after_a_wait_for_one_of_its_tasks(kernel, gate):
    cell = kernel.ok("%%task pair --for n in range(2)\nhold(gate) if n else 'first'")

    assert kernel.ok("pair[0].get()").value == "'first'"
    assert WIDGET in cell.displays[0]

    gate.touch()
    kernel.ok("pair.get()")
    wait_until(lambda: kernel.read() and WIDGET not in cell.displays[0], "the board is static")


def test_a_board_that_nobody_waits_for_becomes_static_by_itself(kernel):
    cell = kernel.ok("%%task --for n in range(3)\nn")

    wait_until(lambda: kernel.read() and WIDGET not in cell.displays[0], "the board is static")
    assert "3 SUCCESS" in cell.displays[0]["text/plain"]


def test_what_a_task_prints_never_lands_in_a_cell(kernel, gate):
    first = kernel.ok("%%task chatty\nhold(gate)\nprint('mine')\nimport sys\nsys.stderr.write('x')")
    gate.touch()
    second = kernel.ok("chatty.get()")
    third = kernel.ok("chatty.log")

    assert third.value == "'mine\\nx'"
    assert [cell.text("stdout") + cell.text("stderr") for cell in (first, second)] == ["", ""]


def test_a_quiet_task_shows_nothing(kernel):
    assert kernel.ok("%%task --quiet\n1").outputs == []
    kernel.ok("_task.get()")
    assert kernel.ok("%%task --view none\n1").outputs == []


# Listings


def test_tasks_lists_the_newest_first_and_filters(kernel):
    kernel.ok("%%task old -b\n1")
    kernel.run("%%task new -b\n1 / 0")
    kernel.ok("_task.ready()")

    rows = kernel.ok("%tasks -n 2").displays[0]["text/plain"].splitlines()
    failed = kernel.ok("%tasks -s failure -n 1").displays[0]["text/plain"].splitlines()

    assert rows[0] == "2 tasks of this notebook"
    assert [row.split()[:2] for row in rows[2:]] == [["new", "FAILURE"], ["old", "SUCCESS"]]
    assert failed[0] == "1 task of this notebook"
    assert failed[2].split()[:2] == ["new", "FAILURE"]


def test_tasks_in_no_such_state_are_told(kernel):
    kernel.ok("%%task fine -b\n1")
    assert kernel.ok("%tasks -s retry").displays[0]["text/plain"] == "No task in RETRY"


def test_tasks_lists_what_the_python_api_sent(kernel):
    kernel.ok(
        "from nbtasks import current_app\napp = current_app()\n@app.task\ndef api(): return 1"
    )
    kernel.ok("api.delay().get()")

    assert kernel.ok("%tasks -n 1").displays[0]["text/plain"].splitlines()[2].startswith("api ")


def test_the_broker_card_says_where_and_who(kernel):
    (card,) = kernel.ok("%broker").displays

    head, _, row = card["text/plain"].splitlines()
    assert head == "Connected to the embedded server: 1 worker"
    assert row.startswith("local-1@")
    assert "<table" in card["text/html"]


def test_starting_what_is_there_starts_nothing(kernel):
    (card,) = kernel.ok("%broker --start 1").displays

    assert card["text/plain"].splitlines()[0].endswith(": 1 worker")


# Text


@pytest.fixture
def text(kernel):
    kernel.ok("import os\nos.environ['NBTASKS_UI'] = 'text'")
    yield
    kernel.ok("del os.environ['NBTASKS_UI']")


@pytest.mark.usefixtures("text")
def test_stable_text_has_no_id_time_or_host(kernel):
    cells = [
        kernel.ok("%broker"),
        kernel.ok("%%task one -b\nprint('hello')\n1"),
        kernel.ok("%%task three --for n in range(3)\nn"),
        kernel.ok("three.get()"),
        kernel.ok("%tasks -n 2"),
    ]

    assert [one["text/plain"] for cell in cells for one in cell.displays] == [
        "Connected to the embedded server: 1 worker",
        "one: 1 task",
        "one: 1 task · 1 SUCCESS\n  hello",
        "three: 3 tasks",
        "three: 3 tasks · 3 SUCCESS",
        (
            "2 tasks of this notebook\nname   state      done\nthree  3 SUCCESS  3 of 3\n"
            "one    SUCCESS    1 of 1"
        ),
    ]


def test_large_variables_are_named_with_their_sizes(kernel):
    kernel.ok("large, larger = bytes(11_000_000), bytes(12_000_000)")

    said = kernel.ok("%%task -n\nlen(large + larger)").text("stderr")
    assert said.startswith("sent along with this cell: 'larger' (12 MB), 'large' (11 MB). ")
    assert not kernel.ok("%%task -n -i large\nlen(large)").text("stderr")
    assert kernel.run("%%task -n --max-input 8MB\nlen(large)").usage.startswith(
        "'large', which this cell reads, is 11.0 MB, above the limit of 8.0 MB"
    )


@pytest.mark.usefixtures("text")
def test_a_stable_traceback_says_not_where_or_how_long(kernel):
    kernel.ok("%%task bad\n1 / 0")

    assert "on worker" not in kernel.run("bad.get()").traceback
    assert "on worker" not in kernel.run("%%task -b\n1 / 0").traceback
