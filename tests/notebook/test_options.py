"""The line of a magic, and what is told to somebody who mistypes it."""

import pytest
from IPython.core.error import UsageError

from nbtasks.notebook.options import loop_names, parse, seconds, task_name
from nbtasks.notebook.vocabulary import BROKER_OPTIONS, TASK_OPTIONS, TASKS_OPTIONS


@pytest.mark.parametrize(
    ("line", "words", "options"),
    [
        pytest.param("", [], {}, id="nothing"),
        pytest.param("fit", ["fit"], {}, id="a name"),
        pytest.param("fit -b", ["fit"], {"block": True}, id="a letter"),
        pytest.param("--block fit", ["fit"], {"block": True}, id="a long option first"),
        pytest.param("-q gpu", [], {"queue": "gpu"}, id="a value apart"),
        pytest.param("--queue=gpu", [], {"queue": "gpu"}, id="a value with ="),
        pytest.param("--queue 'my gpu'", [], {"queue": "my gpu"}, id="quotes"),
        pytest.param('--queue "a # b"', [], {"queue": "a # b"}, id="a hash in quotes"),
        pytest.param("fit -b # later -q x", ["fit"], {"block": True}, id="a comment"),
        pytest.param("fit # --for x in y", ["fit"], {}, id="a loop in a comment"),
        pytest.param("-q {x} -b", [], {"queue": "{x}", "block": True}, id="braces stay"),
        pytest.param("-q $x", [], {"queue": "$x"}, id="dollars stay"),
        pytest.param("-r 3 --retry-delay 2s", [], {"retries": 3, "retry-delay": 2.0}, id="retry"),
        pytest.param("-r=3", [], {"retries": 3}, id="a letter with ="),
        pytest.param("-o x,y", [], {"outputs": ("x", "y")}, id="names"),
        pytest.param("-o 'x, y'", [], {"outputs": ("x", "y")}, id="names with a space"),
        pytest.param("-o x, y", [], {"outputs": ("x", "y")}, id="names with an open comma"),
        pytest.param("-i a, b -b", [], {"inputs": ("a", "b"), "block": True}, id="inputs"),
        pytest.param("-o x ,y", [], {"outputs": ("x", "y")}, id="names with a late comma"),
        pytest.param("-i none", [], {"inputs": ()}, id="no inputs"),
        pytest.param("-i x, fit", [], {"inputs": ("x", "fit")}, id="a comma binds the next word"),
        pytest.param("-o x fit", ["fit"], {"outputs": ("x",)}, id="and nothing else does"),
        pytest.param("-r 1 -r 2", [], {"retries": 2}, id="the last one counts"),
    ],
)
def test_a_line_is_words_and_options(line, words, options):
    found = parse(line, TASK_OPTIONS)

    assert (found.words, found.options, found.loop) == (words, options, None)


@pytest.mark.parametrize(
    ("line", "loop"),
    [
        ("fit --for c in [0.01, 0.1]", ("c", "[0.01, 0.1]")),
        ("fit --for a, b in grid", ("a, b", "grid")),
        ("fit --for (a, b) in grid", ("(a, b)", "grid")),
        ("fit --for word in ['it\\'s', \"#1\"]", ("word", "['it\\'s', \"#1\"]")),
        ("fit --for n in range(3)  # three", ("n", "range(3)")),
        ("fit --for s in 'a # b'.split()", ("s", "'a # b'.split()")),
        ("fit --for d in [{'a': 1}, {**x}]", ("d", "[{'a': 1}, {**x}]")),
        ("fit --for x in (y for y in z if y in w)", ("x", "(y for y in z if y in w)")),
        ("fit --for x in a if b else c", ("x", "a if b else c")),
        ("fit --for x in [-b, a -b]", ("x", "[-b, a -b]")),
        ("fit --for x in [1] # -b", ("x", "[1]")),
        ("fit --for x in sorted(y, key=lambda z: -z)", ("x", "sorted(y, key=lambda z: -z)")),
    ],
)
def test_a_loop_takes_any_expression(line, loop):
    found = parse(line, TASK_OPTIONS)

    assert (found.words, found.loop) == (["fit"], loop)


@pytest.mark.parametrize(
    "line",
    [
        "fit -q gpu --retries 2 --for x in range(3)",
        "fit --for x in range(3) -q gpu --retries 2",
        "fit -q gpu --for x in range(3) --retries=2",
        "--for x in range(3) -q gpu --retries 2 fit",
        "--for x in range(3) --retries 2 fit --queue gpu  # why",
    ],
)
def test_options_stand_before_and_after_a_loop(line):
    found = parse(line, TASK_OPTIONS)

    assert found.words == ["fit"]
    assert found.options == {"queue": "gpu", "retries": 2}
    assert found.loop == ("x", "range(3)")


@pytest.mark.parametrize(
    ("line", "known", "said"),
    [
        ("--quere gpu", TASK_OPTIONS, "there is no option --quere: did you mean '--queue'?"),
        ("fit --blok", TASK_OPTIONS, "there is no option --blok: did you mean '--block'?"),
        ("--strat 2", BROKER_OPTIONS, "there is no option --strat: did you mean '--start'?"),
        ("--stat x", TASKS_OPTIONS, "there is no option --stat: did you mean '--state'?"),
        ("--retry 3", TASK_OPTIONS, "there is no option --retry: did you mean '--retries'?"),
        ("-bq gpu", TASK_OPTIONS, "there is no option -bq"),
        ("--queue", TASK_OPTIONS, "--queue needs a value: the queue it goes to"),
        ("--block=no", TASK_OPTIONS, "--block takes no value"),
        ("-r many", TASK_OPTIONS, "--retries many: give a whole number"),
        ("-r -1", TASK_OPTIONS, "--retries -1: give a whole number"),
        ("-r 1.5", TASK_OPTIONS, "--retries 1.5: give a whole number"),
        ("--timeout soon", TASK_OPTIONS, "--timeout soon: give a time like 90s, 5m or 1h30m"),
        ("-o 1x", TASK_OPTIONS, "--outputs 1x: '1x' is not the name of a variable"),
        ("-o class", TASK_OPTIONS, "--outputs class: 'class' is not the name of a variable"),
        ("-q 'gpu", TASK_OPTIONS, "no closing quotation"),
        ("--for x", TASK_OPTIONS, "--for needs a name and a list: --for x in range(10)"),
        ("--for x in", TASK_OPTIONS, "--for needs a name and a list: --for x in range(10)"),
        ("--for x in [1, 2", TASK_OPTIONS, "--for x in [1, 2: this is not an expression"),
        ("--for x in a --blok", TASK_OPTIONS, "no option --blok: did you mean '--block'?"),
        ("--for x in a --for y in b", TASK_OPTIONS, "--for stands once"),
        ("--for x in range(3)", TASKS_OPTIONS, "there is no option --for"),
        ("--view grid", TASK_OPTIONS, "--view grid: there are auto, board, html, none, text"),
        ("--view txt", TASK_OPTIONS, "--view txt: did you mean 'text'?"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_the_nearest_word(line, known, said):
    with pytest.raises(UsageError) as caught:
        parse(line, known)

    assert said.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90), ("90s", 90), ("1.5s", 1.5), ("5m", 300), ("1h30m", 5400), ("2h", 7200)],
)
def test_a_duration_in_words_is_seconds(text, value):
    assert seconds(text, "--timeout") == value


@pytest.mark.parametrize("text", ["", " ", "m", "5x", "1m1h", "-3s", "5 m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="give a time like 90s, 5m or 1h30m"):
        seconds(text, "--timeout")


@pytest.mark.parametrize(("words", "name"), [([], ""), (["fit"], "fit"), (["x_1"], "x_1")])
def test_the_name_of_a_task_is_the_one_word(words, name):
    assert task_name(words) == name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "b"], "one name is enough, and there are 2: a b"),
        (["my-task"], "'my-task' cannot name a task"),
        (["class"], "'class' cannot name a task"),
        (["a.b"], "'a.b' cannot name a task"),
        (["größe"], "'größe'"),
    ],
)
def test_a_name_that_cannot_be_a_variable_is_refused(words, said):
    with pytest.raises(UsageError, match=said):
        task_name(words)


@pytest.mark.parametrize(
    ("target", "names"),
    [("c", ["c"]), ("a, b", ["a", "b"]), ("(a, b)", ["a", "b"]), ("a,", ["a"])],
)
def test_a_loop_has_one_name_or_several(target, names):
    assert loop_names(target) == names


@pytest.mark.parametrize("target", ["1", "a.b", "a b", "()", "in", "a, (b, c)", "a, a"])
def test_what_cannot_be_assigned_in_a_loop_is_refused(target):
    with pytest.raises(UsageError, match="give a name, or names with commas"):
        loop_names(target)
