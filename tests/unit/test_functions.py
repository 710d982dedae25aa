"""The fingerprint: what keeps a pickled function, what makes a new one, what is never kept."""

import enum
import functools
import http
import math
import types

import pytest

from nbtasks import functions
from nbtasks.fingerprints import fingerprint
from nbtasks.functions import FunctionCache, cell_code, load
from nbtasks.importing import Imported
from nbtasks.serializers import PYTHON_TAG


def build(source, /, filename="cell-1", **names):
    """A function `f` as a notebook would have it, and the namespace it looks its globals up in."""
    namespace = {"__name__": "__main__", **names}
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102
    return namespace["f"], namespace


G = "def g():\n    return 1\n"
H = "def g():\n    return 2\n"


def redefined(source, **names):
    """The global `g`, defined again by another cell."""
    return build(source.replace("def g", "def f"), **names)[0]


@pytest.mark.parametrize(
    ("source", "names", "change"),
    [
        pytest.param("def f():\n    return 1", {}, {}, id="nothing"),
        pytest.param("def f():\n    return x", {"x": 1}, {"y": 2}, id="another global"),
        pytest.param("def f():\n    return x", {"x": 1}, {"x": 1}, id="an equal value"),
        pytest.param("def f():\n    return x", {"x": (1, "a")}, {"x": (1, "a")}, id="a tuple"),
        pytest.param("def f():\n    return x", {"x": math}, {"x": math}, id="a module"),
        pytest.param("def f():\n    return x", {"x": len}, {"x": len}, id="a builtin"),
        pytest.param("def f():\n    return x", {"x": int}, {"x": int}, id="an imported class"),
    ],
)
def test_a_fingerprint_keeps(source, names, change):
    function, namespace = build(source, **names)
    before = fingerprint(function)
    namespace.update(change)
    assert before is not None
    assert fingerprint(function) == before


@pytest.mark.parametrize(
    ("source", "names", "change"),
    [
        pytest.param("def f():\n    return x", {"x": 1}, {"x": 2}, id="value"),
        pytest.param("def f():\n    return x", {"x": 1}, {"x": 1.0}, id="type"),
        pytest.param("def f():\n    return x", {"x": 1}, {"x": True}, id="bool"),
        pytest.param("def f():\n    return x", {"x": 0.0}, {"x": -0.0}, id="sign of zero"),
        pytest.param("def f():\n    return x", {"x": (1,)}, {"x": (1, 2)}, id="tuple"),
        pytest.param("def f():\n    return x", {"x": ((1,), 2)}, {"x": (1, (2,))}, id="nesting"),
        pytest.param("def f():\n    return x", {"x": math}, {"x": enum}, id="module"),
        pytest.param("def f():\n    return x", {"x": int}, {"x": str}, id="class"),
        pytest.param("def f():\n    return x", {}, {"x": 1}, id="defined later"),
        pytest.param("def f():\n    return x, y", {"x": 1}, {"y": 1}, id="which of two"),
        pytest.param(G + "def f():\n    return g()", {}, {"g": redefined(H)}, id="function"),
        pytest.param(
            "def g():\n    return x\ndef f():\n    return g()",
            {"x": 1},
            {"x": 2},
            id="through another",
        ),
        pytest.param(
            "def f():\n    return [x for _ in 'a']", {"x": 1}, {"x": 2}, id="comprehension"
        ),
        pytest.param("def f():\n    return lambda: x", {"x": 1}, {"x": 2}, id="inner function"),
        pytest.param(
            "def f():\n    class C:\n        y = x\n    return C",
            {"x": 1},
            {"x": 2},
            id="inner class",
        ),
    ],
)
def test_a_fingerprint_changes(source, names, change):
    function, namespace = build(source, **names)
    before = fingerprint(function)
    namespace.update(change)
    assert before is not None
    assert fingerprint(function) != before


def test_a_fingerprint_sees_which_of_two_functions_stands_under_a_name():
    function, namespace = build(
        "def a():\n    return 1\ndef b():\n    return 2\nc = a\ndef f():\n    return a(), b(), c()"
    )
    before = fingerprint(function)
    namespace["c"] = namespace["b"]
    assert fingerprint(function) != before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("def f(x=1): pass", "def f(x=2): pass", id="default"),
        pytest.param("def f(*, x=1): pass", "def f(*, x=2): pass", id="keyword default"),
        pytest.param("def f(): return 1", "def f(): return 2", id="code"),
        pytest.param("def f(): pass", "\ndef f(): pass", id="line"),
    ],
)
def test_a_function_defined_again_has_another_fingerprint(before, after):
    assert fingerprint(build(before)[0]) != fingerprint(build(after)[0])


def test_a_function_of_another_cell_has_another_fingerprint_for_its_tracebacks():
    source = "def f(): pass"
    one, other = build(source)[0], build(source, filename="cell-2")[0]
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one) == fingerprint(build(source)[0])


class Text(str):
    __slots__ = ("mutable",)


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([1], id="list"),
        pytest.param({}, id="dict"),
        pytest.param({1}, id="set"),
        pytest.param(([1],), id="list in a tuple"),
        pytest.param(bytearray(b"x"), id="bytearray"),
        pytest.param(object(), id="object"),
        pytest.param(functools.partial(len), id="partial"),
        pytest.param(Text("x"), id="subclass of str"),
        pytest.param(types.ModuleType("made_here"), id="module made here"),
        pytest.param([].append, id="bound builtin"),
        pytest.param(type("Own", (), {"__module__": "__main__"}), id="class of the notebook"),
    ],
)
def test_what_can_change_in_place_has_no_fingerprint(value):
    assert fingerprint(build("def f():\n    return x", x=value)[0]) is None
    assert fingerprint(build("def f(x=x): pass", x=value)[0]) is None


def test_function_attributes_and_unbound_cells_have_no_fingerprint():
    def marked():
        pass

    marked.calls = 0
    assert fingerprint(marked) is None

    def early():
        return late  # noqa: F821 - assigned below

    assert fingerprint(early) is None
    late = 1
    assert fingerprint(early) is not None
    del late


def test_a_closure_is_followed():
    def make(x):
        return lambda: x

    assert fingerprint(make(1)) != fingerprint(make(2))
    assert fingerprint(make([])) is None


def test_functions_that_call_each_other_have_a_fingerprint():
    function, _ = build("def g():\n    return f()\ndef f():\n    return g()")
    assert fingerprint(function) is not None


# The cache


def test_a_known_function_is_not_pickled_again():
    cache = FunctionCache()
    function, namespace = build("def f():\n    return x", x=1)
    first = cache.code(function, "f")
    assert cache.code(function, "f") is first
    namespace["x"] = 2
    assert cache.code(function, "f").hash != first.hash
    assert not first.fresh


def test_a_function_with_mutable_state_is_pickled_each_time_and_loaded_afresh():
    cache = FunctionCache()
    items = [1]
    function, _ = build("def f():\n    return x", x=items)
    first = cache.code(function, "f")
    assert first.fresh
    items.append(2)
    assert cache.code(function, "f").hash != first.hash


def test_the_same_function_under_another_name_or_bound_is_other_code():
    cache = FunctionCache()
    function, _ = build("def f(x):\n    return x")
    assert load(cache.code(function, "one").blob).name == "one"
    assert load(cache.code(function, "two").blob).name == "two"
    assert load(cache.code(function, "one", bind=True).blob).bind


def test_equal_code_has_an_equal_hash():
    one, two = (build("def f():\n    return 1")[0] for _ in range(2))
    assert FunctionCache().code(one, "f").hash == FunctionCache().code(two, "f").hash


def test_notebook_functions_need_this_python_and_imported_ones_any():
    function, _ = build("def f():\n    return 1")
    assert FunctionCache().code(function, "f").python == PYTHON_TAG
    assert FunctionCache().code(math.factorial, "f").python == ""


def test_an_imported_function_is_sent_as_its_name():
    found = load(FunctionCache().code(functions.source_of, "f").blob)
    assert found.value is functions.source_of


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_an_imported_function_is_unwrapped_only_where_its_task_stands_there(
    monkeypatch, is_wrapped
):
    @functools.wraps(len)
    def wrapper(value):
        return -len(value)

    monkeypatch.setattr(functions, "both", wrapper, raising=False)
    found = Imported("nbtasks.functions", "both", is_wrapped).resolve()
    assert found is (len if is_wrapped else wrapper)


def test_a_cell_keeps_its_source_inputs_and_outputs():
    code = cell_code("y = x", name="cell", filename="c-1", inputs={"x": 5}, outputs=("y",))
    cell = load(code.blob)
    assert (cell.kind, cell.source, cell.value, cell.outputs) == ("cell", "y = x", {"x": 5}, ("y",))
    assert code.python == ""


def test_a_cell_that_reads_a_function_of_the_notebook_needs_this_python():
    function, _ = build("def f():\n    return 1")
    code = cell_code("f()", name="cell", filename="c-1", inputs={"f": function}, outputs=())
    assert code.python == PYTHON_TAG


def test_an_importable_enum_member_is_safe_to_send():
    assert fingerprint(build("def f():\n    return x", x=http.HTTPStatus.OK)[0]) is None
