"""The options of `%%task` in a real kernel: dependencies, defaults, running here, and the rest."""

import pytest

FOREVER = "while True: pass"


# After others


def test_a_cell_waits_for_results_and_has_their_values(kernel):
    kernel.ok("%%task data --quiet\nvalues = [3, 1, 2]\nvalues")
    kernel.ok("%%task most --quiet -o low\nlow = 0\n7")

    cell = kernel.ok("%%task both -b --after data,most --for n in [1, 2]\nn, sorted(data), most")

    assert cell.value == "[(1, [1, 2, 3], 7), (2, [1, 2, 3], 7)]"


def test_a_group_before_a_cell_is_a_list_there(kernel):
    kernel.ok("%%task squares --quiet --for n in range(4)\nn * n")

    assert kernel.ok("%%task -b --after squares\nsum(squares)").value == "14"


def test_a_result_of_a_cell_among_arguments_is_its_value(kernel):
    kernel.ok("from nbtasks import current_app\n@current_app().task\ndef double(x): return 2 * x")
    kernel.ok("%%task half --quiet\n21")

    assert kernel.ok("double.delay(half).get()").value == "42"


def test_a_cell_is_not_run_after_one_that_has_failed(kernel):
    kernel.ok("%%task broken --quiet\n1 / 0")

    assert kernel.run("%%task -b --after broken\nbroken").error == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--after datta", "--after datta: this is no result of a task: did you mean 'data'?"),
        ("--after data --for data in [1]", "--after data: --for gives this variable another value"),
        ("--after data --cache", "--cache and --after: what a cell comes after is not known yet"),
    ],
)
def test_what_cannot_be_waited_for_is_told(kernel, line, said):
    kernel.ok("%%task data --quiet\n1")

    assert kernel.run(f"%%task {line}\n1").usage == said


# Here


def test_a_cell_runs_here_with_copies_of_its_inputs(kernel):
    kernel.ok("given = [1]")

    cell = kernel.ok("%%task here --local\ngiven.append(2)\nprint('seen')\ngiven")

    assert (cell.value, cell.text("stdout"), cell.displays) == ("[1, 2]", "seen\n", [])
    assert kernel.ok("given, here.get(), type(here).__name__").value == (
        "([1], [1, 2], 'EagerResult')"
    )


def test_a_cell_that_runs_here_awaits_and_fails_in_its_own_lines(kernel):
    body = "import asyncio\nawait asyncio.sleep(0)\n1 / 0"

    cell = kernel.run(f"%%task --local\n{body}")

    assert cell.error == "ZeroDivisionError"
    assert "----> 4 1 / 0" in cell.traceback
    assert kernel.ok("%%task --local --for n in [1, 2]\nn + 1").value == "[2, 3]"


def test_a_cell_that_is_only_tried_is_shown_and_not_sent(kernel):
    kernel.ok("big = 'x' * 3000")

    cell = kernel.ok("%%task tried -n --for n in range(5) -q gpu --tag a,b\nbig, n")

    shown = cell.displays[0]["text/plain"]
    assert "tried would be sent" in shown
    assert "input big         3.0 kB" in shown
    assert all(part in shown for part in ("n=0; n=1; n=2 …", "gpu", "tag"))
    assert kernel.ok("'tried' in globals()").value == "False"


# Definitions


def test_a_cell_is_the_body_of_a_task(kernel):
    kernel.ok("%%task def scaled(a, b=2): -r 4 --retry-on OSError\n'Scales.'\nc = a * b\nc + 1")

    assert kernel.ok("scaled(1), scaled.delay(2).get(), scaled.delay(2, b=3).get()").value == (
        "(3, 5, 7)"
    )
    assert kernel.ok("scaled.__doc__, scaled.options.retry.max_retries").value == "('Scales.', 4)"
    assert kernel.ok("'builtins.OSError' in scaled.options.retry.retry_on").value == "True"


def test_a_body_may_return_and_await(kernel):
    body = "import asyncio\nif a: return 'early'\nawait asyncio.sleep(0)\n'late'"
    kernel.ok(f"%%task def both(a)\n{body}")

    assert kernel.ok("both.delay(1).get(), both.delay(0).get()").value == "('early', 'late')"


def test_an_error_in_a_body_has_the_lines_of_the_cell(kernel):
    kernel.ok("%%task def broken_at(a)\nb = a\n\nb / 0")

    said = kernel.run("broken_at.delay(1).get()").traceback

    assert "line 4" in said
    assert kernel.run("%%task def wrong(a)\nx = = 1").error.endswith("SyntaxError")


@pytest.mark.parametrize(
    ("line", "body", "said"),
    [
        ("def (a)", "1", "'def (a)': write the head of a function: %%task def f(a, b=2)"),
        ("def f(a", "1", "'def f(a': write the head of a function: %%task def f(a, b=2)"),
        ("def f(a) g", "1", "behind 'def f(a)' stand options only, and not 'g'"),
        ("def f(a)", " ", "the cell is empty: write below the line with the magic what is to run"),
        ("def f(a)", "!ls", "'!ls' needs a notebook, and a worker has none: run it in a cell of"),
        ("def f(a) -b", "1", "--block is for a run: f.delay() sends this task, f.s() puts it"),
    ],
)
def test_what_is_no_definition_is_told(kernel, line, body, said):
    assert kernel.run(f"%%task {line}\n{body}").usage.startswith(said)


# Values and defaults


def test_a_dollar_looks_a_value_up(kernel):
    kernel.ok("import datetime\nwhere, few, soon = 'default', 2, datetime.timedelta(seconds=9)")
    line = "-q $where -r $few -t $soon -b"

    assert kernel.ok(f"%%task sent {line}\n1").value == "1"
    assert kernel.run("%%task -q $wheer\n1").usage == (
        "--queue $wheer: there is no such variable: did you mean 'where'?"
    )


def test_a_time_of_the_past_is_now_and_one_to_come_is_waited_for(kernel):
    assert kernel.ok("%%task -b --eta 2020-01-31T10:00\n1").value == "1"
    kernel.ok("%%task later --quiet --eta 2200-01-31T10:00\n1")
    assert kernel.ok("later.ready(), later.revoke()").value == "(False, True)"


def test_only_the_errors_that_were_named_are_tried_again(kernel, tmp_path):
    kernel.ok(f"tries = {str(tmp_path / 'tries')!r}\nclass Mine(Exception): pass")
    source = "with open(tries, 'a') as f: f.write('x')\nraise {}"
    line = "%%task -b -r 2 --retry-delay 0.02s --backoff --retry-on json.JSONDecodeError,OSError"

    kernel.run(f"{line}\n{source.format('OSError')}")
    assert kernel.ok("open(tries).read()").value == "'xxx'"
    kernel.run(f"{line}\n{source.format('ValueError')}")
    assert kernel.ok("open(tries).read()").value == "'xxxx'"
    assert kernel.run("%%task --retry-on OSErorr\n1").usage == (
        "--retry-on OSErorr: there is no such exception: did you mean 'OSError'?"
    )


@pytest.fixture
def config(kernel):
    """Sets a default of the magics, for this test only."""

    def set_(name, value):
        changed.append(name)
        return kernel.run(f"%config NbTasks.{name} = {value}")

    changed = []
    yield set_
    for name in changed:
        kernel.ok(f"from nbtasks.notebook.settings import NbTasks\n_d = NbTasks().{name}")
        kernel.ok(f"%config NbTasks.{name} = _d")


def test_defaults_are_set_and_the_line_wins(kernel, config):
    config("block", "True")
    config("view", "'none'")
    config("queue", "'gpu'")

    cell = kernel.ok("%%task -q default\n6 * 7")
    assert (cell.value, cell.displays) == ("42", [])
    config("block", "False")
    kernel.ok("%%task far\n1")
    assert kernel.ok("far.queue, far.revoke()").value == "('gpu', True)"


def test_a_wrong_default_is_told(kernel, config):
    assert "expected any of ['auto', 'board'" in config("view", "'txt'").text("stderr")
    config("max_input", "'much'")

    assert kernel.run("%%task\n1").usage == (
        "%config NbTasks: --max-input much: give a size like 800kB or 64MB"
    )


def test_large_inputs_are_refused_or_to_be_named(kernel, config):
    kernel.ok("large = 'x' * 5000")

    assert "max_input" in kernel.run("%%task --max-input 1kB\nlen(large)").usage
    assert "the setting max_input allows 64 MB" in kernel.run("%%task --max-input 1GB\n1").usage
    config("confirm_inputs", "'1kB'")
    assert kernel.run("%%task\nlen(large)").usage == (
        "'large', which this cell reads, has 5.0 kB: where it is to go along, name all inputs:"
        " --inputs large"
    )
    assert kernel.ok("%%task -b -i large\nlen(large)").value == "5000"


def run_with(kernel, code, **metadata):
    """A cell with metadata, as JupyterLab sends them."""
    session = kernel.client.session
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    message = session.msg("execute_request", content, metadata=metadata)
    identity = message["header"]["msg_id"]
    kernel.cells[identity] = type(kernel.run("1"))()
    kernel.client.shell_channel.send(message)
    return kernel.finish(identity)


def test_the_metadata_of_a_cell_are_its_defaults(kernel):
    given = {"queue": "gpu", "block": True, "retry_on": ["OSError"], "quiet": True}

    cell = run_with(kernel, "%%task meta -q default\n5", nbtasks=given)
    assert (cell.value, cell.displays) == ("5", [])
    assert run_with(kernel, "%%task\n5", nbtasks={"quue": "gpu"}).usage == (
        "the metadata of this cell: there is no option --quue: did you mean '--queue'?"
    )
    assert run_with(kernel, "%%task\n5", nbtasks={"block": "yes"}).usage == (
        "the metadata of this cell: --block is 'yes': it must be true or false"
    )


def test_a_task_knows_the_cell_it_comes_from(kernel):
    kernel.ok("from nbtasks import current_app\nfrom nbtasks.record import Header")
    run_with(kernel, "%%task mine --quiet --tag night,big\n5", cellId="c-1")

    kernel.ok("mine.get()\nstore = current_app().store")
    kernel.ok("stamps = Header.decode(store.watch(mine.id).header).stamps")
    assert kernel.ok("stamps['origin']['cell'], stamps['tag'], len(stamps['origin'])").value == (
        "('c-1', ['night', 'big'], 3)"
    )


# Again


def test_a_stored_result_will_do(kernel):
    body = "import random\nbase + random.random()"
    kernel.ok("base = 0")
    kernel.ok(f"%%task one -b --cache\n{body}")
    kernel.ok(f"%%task two -b --cache\n{body}")

    assert kernel.ok("one.get() == two.get(), one.id == two.id").value == "(True, True)"
    kernel.ok("base = 5")
    kernel.ok(f"%%task three -b --cache\n{body}")
    assert kernel.ok("three.get() > 5").value == "True"


def test_what_has_failed_is_not_kept(kernel, tmp_path):
    kernel.ok(f"path = {str(tmp_path / 'there')!r}")

    assert kernel.run("%%task -b --cache\nopen(path).read()").error == "FileNotFoundError"
    (tmp_path / "there").write_text("now")
    assert kernel.ok("%%task -b --cache\nopen(path).read()").value == "'now'"


def test_a_cell_that_still_runs_is_told_or_revoked(kernel):
    kernel.ok(f"%%task slow --quiet\n{FOREVER}")
    kernel.ok("first = slow")

    again = kernel.ok(f"%%task slow --quiet\n{FOREVER}")
    assert again.text("stderr") == (
        "'slow', which this cell sent before, still runs and goes on; with --replace it is"
        " revoked\n"
    )
    kernel.ok("second = slow")
    last = kernel.ok("%%task slow --quiet --replace -b\n1")
    assert (last.value, last.text("stderr")) == ("1", "")
    assert kernel.ok("first.state.value, second.state.value").value == "('REVOKED', 'REVOKED')"


# Help


def test_the_help_has_examples_and_all_options(kernel):
    help_ = kernel.ok("print(get_ipython().find_line_magic('task').__doc__)").text("stdout")

    assert "NAME = %task fit(0.1)" in help_
    assert "-q, --queue" in help_
    assert "--after" in help_
