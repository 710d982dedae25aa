"""What a cell reads, and the source that travels."""

import ast
import builtins
import threading
import types

import pytest
from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import TransformerManager

from nbtasks.errors import Unsendable
from nbtasks.notebook.cell import input_sizes, pick_inputs, prepare, reads, to_source
from nbtasks.serializers import Codec

NAMESPACE = {"x": 1, "y": 2, "items": [1], "E": ValueError, "f": abs}


def inputs(source):
    """The inputs of a cell in a notebook with the variables of NAMESPACE."""
    code = compile(source, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return list(pick_inputs(reads(code), NAMESPACE, None))


def transform(body):
    return TransformerManager().transform_cell(body)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param("x + y", ["x", "y"], id="an expression"),
        pytest.param("x = 3; x", [], id="assigned before it is read"),
        pytest.param("z = x; x = 3", ["x"], id="read before it is assigned"),
        pytest.param("x += 1", ["x"], id="augmented assignment"),
        pytest.param("x: int = 3; x", [], id="annotated assignment"),
        pytest.param("(x := 3); x", [], id="walrus"),
        pytest.param("x, *y = 1, 2; x, y", [], id="unpacking"),
        pytest.param("items[0] = 3", ["items"], id="an item is assigned"),
        pytest.param("x.a = 3", ["x"], id="an attribute is assigned"),
        pytest.param("del x", ["x"], id="deleted"),
        pytest.param("x = 1; del x", [], id="assigned and deleted"),
        pytest.param("if y:\n  x = 1\nx", ["x", "y"], id="assigned in one branch only"),
        pytest.param("if y:\n  x = 1\nelse:\n  x = 2\nx", ["y"], id="assigned in both branches"),
        pytest.param("y and (x := 1)\nx", ["x", "y"], id="assigned where a condition holds"),
        pytest.param("while y:\n  x = 1\nx", ["x", "y"], id="assigned in a while loop"),
        pytest.param("for x in items: pass\nx", ["items"], id="the variable of a for loop"),
        pytest.param("for _ in items:\n  x = 1\nx", ["items"], id="assigned in a for loop"),
        pytest.param(
            "for _ in items:\n  if y: continue\n  x = 1\nx", ["items", "x", "y"], id="continue"
        ),
        pytest.param("for _ in items:\n  y = x\n  x = 1", ["items", "x"], id="read in a loop"),
        pytest.param("try:\n  x = 1\nexcept E:\n  pass\nx", ["E", "x"], id="assigned in a try"),
        pytest.param("try:\n  x = 1\nexcept E:\n  x = 2\nx", ["E"], id="in try and except"),
        pytest.param("try:\n  x = 1\nexcept E:\n  raise\nx", ["E"], id="except raises"),
        pytest.param(
            "try:\n  f(1)\nexcept E as x:\n  x", ["E", "f"], id="the name of an exception"
        ),
        pytest.param("with f(3) as x: x", ["f"], id="the name of a context"),
        pytest.param("match y:\n  case [x]: x", ["y"], id="match"),
        pytest.param("def g(): return x", ["x"], id="a function"),
        pytest.param("def g(x): return x", [], id="a parameter"),
        pytest.param("def g(a=x): return a", ["x"], id="a default"),
        pytest.param("def g():\n  x = 1\n  return x", [], id="a local"),
        pytest.param("def g():\n  global x\n  x += 1", ["x"], id="a global"),
        pytest.param("def g():\n  def h(): return x\n  return h", ["x"], id="a nested function"),
        pytest.param("def f(n): return f(n)", [], id="a function that calls itself"),
        pytest.param("def g(): return f(1)\ndef f(n): return n", [], id="defined below"),
        pytest.param("lambda: x", ["x"], id="lambda"),
        pytest.param("x = 1\ndef g(): return x", [], id="a function of what the cell assigns"),
        pytest.param("[x for x in items]", ["items"], id="the variable of a comprehension"),
        pytest.param("[a for a in items if a > x]", ["items", "x"], id="a comprehension"),
        pytest.param("{a: [b + y for b in a] for a in items}", ["items", "y"], id="nested ones"),
        pytest.param("z = [x for _ in items]\nx = 1", ["items", "x"], id="assigned after it"),
        pytest.param("z = sorted(items, key=lambda a: x)\nx = 1", ["items", "x"], id="and lambda"),
        pytest.param("class A:\n  z = x\nx = 1", ["x"], id="assigned after a class body"),
        pytest.param("with f(3):\n  x = 1\nx", ["f"], id="assigned in a with"),
        pytest.param("try:\n  x = 1\nfinally:\n  y = 1\nx, y", [], id="try and finally"),
        pytest.param("sum(a * x for a in items)", ["items", "x"], id="a generator expression"),
        pytest.param("import os as x; x.name", [], id="an import"),
        pytest.param("from os import name as x\nx", [], id="from an import"),
        pytest.param("class A(E): x = 1", ["E"], id="a base class"),
        pytest.param("class A:\n  x = 1\n  y = x", [], id="a name of the class body"),
        pytest.param("class A:\n  z = x", ["x"], id="read in a class body"),
        pytest.param("class A:\n  def g(self): return x", ["x"], id="read in a method"),
        pytest.param("class A:\n  x = 1\n  def g(self): return x", ["x"], id="a method looks out"),
        pytest.param("await f(x)", ["f", "x"], id="await"),
        pytest.param("async with f(1) as x:\n  x", ["f"], id="async with"),
        pytest.param("f'{x:>{y}}'", ["x", "y"], id="an f-string"),
        pytest.param("'x'  # y", [], id="text and comments"),
        pytest.param("len(items)", ["items"], id="a builtin"),
        pytest.param("print(missing)", [], id="a name that nobody has"),
        pytest.param("@f\ndef g(): pass", ["f"], id="a decorator"),
    ],
)
def test_an_input_is_what_the_cell_may_read_before_it_assigns_it(source, names):
    assert inputs(source) == names


def test_a_builtin_that_the_notebook_shadows_is_an_input():
    names = reads(compile("max(1)", "<cell>", "exec"))

    assert pick_inputs(names, {"max": 5}, None) == {"max": 5}
    assert pick_inputs(names, {"max": builtins.max}, None) == {}


def test_what_only_a_shell_has_is_no_input():
    names = reads(compile("open('a'), get_ipython(), In, Out", "<cell>", "exec"))

    assert pick_inputs(names, dict.fromkeys(names, 1), None) == {}


@pytest.mark.parametrize(("wanted", "names"), [((), []), (("x",), ["x"]), (("y", "x"), ["y", "x"])])
def test_inputs_can_be_chosen(wanted, names):
    assert list(pick_inputs(["items"], NAMESPACE, wanted)) == names


def test_an_input_that_does_not_exist_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match="--inputs 'itens': there is no such variable: did you "):
        pick_inputs([], NAMESPACE, ("itens",))


def test_sizes_are_listed_largest_first_and_modules_left_out():
    sizes = input_sizes({"a": b"x" * 10, "b": b"x" * 10_000, "t": types}, Codec())

    assert [name for name, _ in sizes] == ["b", "a"]


def test_an_input_that_cannot_be_pickled_is_named():
    with pytest.raises(Unsendable, match=r"'lock', which this cell reads \(lock\)"):
        input_sizes({"a": 1, "lock": threading.Lock()}, Codec())


@pytest.mark.parametrize(
    "body",
    [
        "x = 1\nboom()\n",
        "\n\nx = 1\n\nboom()\n",
        "  \n\t\n# note\nboom()\n",
        "    x = 1\n    boom()\n",
        ">>> x = 1\n>>> boom()\n",
        "'''\nlong\n'''\nboom()",
        "x = [1,\n     2]\n\n\nboom()",
    ],
)
def test_lines_keep_their_number_in_the_cell(body):
    line = next(n for n, text in enumerate(body.splitlines(), 2) if "boom" in text)

    tree = ast.parse(to_source(body, transform))

    assert tree.body[-1].lineno == line


@pytest.mark.parametrize("body", ["", "\n", "  \n\t\n"])
def test_an_empty_cell_is_refused(body):
    with pytest.raises(UsageError, match="the cell is empty"):
        prepare(body, to_source(body, transform), "<cell>")


@pytest.mark.parametrize(
    ("body", "culprit"),
    [
        ("x = 1\n%timeit x", "%timeit x"),
        ("!ls", "!ls"),
        ("files = !ls", "files = !ls"),
        ("t = %timeit x", "t = %timeit x"),
        ("x?", "x?"),
        ("?x", "?x"),
        ("get_ipython()\n%time 1", "%time 1"),
        ("for i in 1, 2:\n    !ls", "!ls"),
    ],
)
def test_a_magic_in_a_cell_is_refused_and_shown(body, culprit):
    with pytest.raises(UsageError) as caught:
        prepare(body, to_source(body, transform), "<cell>")

    assert str(caught.value).startswith(f"{culprit!r} needs a notebook, and a worker has none")


@pytest.mark.parametrize("body", ["'%time'", "x = 5 %y", "'''\n%d\n'''", "await f(1)", "# only"])
def test_what_only_looks_like_a_magic_is_compiled(body):
    prepare(body, to_source(body, transform), "<cell>")


def test_a_syntax_error_has_the_line_of_the_cell():
    body = "x = 1\n\nx = = 2\n"

    with pytest.raises(SyntaxError) as caught:
        prepare(body, to_source(body, transform), "<cell>")

    assert caught.value.lineno == 4
