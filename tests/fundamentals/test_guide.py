"""What the guide shows is what comes out: its examples run here, line by line."""

import ast
import contextlib
import io
import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
BLOCK = re.compile(r"^```(python)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(text):
    """The statements of each example, and what it prints where that stands right behind it."""
    found = list(BLOCK.finditer(text))
    for at, block in enumerate(found):
        kind, code = block.groups()
        if kind:
            tree = ast.parse(code.replace("app = App()", "", 1))  # the test has one
            ast.increment_lineno(tree, text.count("\n", 0, block.start()) + 1)
            follows = found[at + 1].groups() if at + 1 < len(found) else ("python", "")
            yield tree.body, None if follows[0] else follows[1]


def comment(node, lines):
    """What stands behind a statement."""
    return lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode().partition("# ")[2]


def is_value(text):
    """Whether a comment is a value, and not words."""
    with contextlib.suppress(SyntaxError, ValueError):
        ast.literal_eval(text)
        return True
    return False


def run(node, says, page, names):
    """Run a statement; an expression must come to what its comment says, or raise it."""
    if not isinstance(node, ast.Expr):
        exec(compile(ast.Module([node], []), page, "exec"), names)  # noqa: S102 - it is ours
        return
    code = compile(ast.Expression(node.value), page, "eval")
    if says.startswith("raises "):
        kind, _, words = says.removeprefix("raises ").partition(": ")
        with pytest.raises(Exception, match=re.escape(words)) as caught:
            eval(code, names)  # noqa: S307 - it is ours
        assert caught.typename == kind
    else:
        value = eval(code, names)  # noqa: S307
        assert not is_value(says) or repr(value) == says


@pytest.mark.parametrize("page", ["canvas.md"])
def test_the_examples_of_a_page_come_to_what_they_say(app, page):
    text = (GUIDE / page).read_text("utf-8")
    names = {"__name__": "__main__", "app": app}
    for statements, printed in examples(text):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            for node in statements:
                run(node, comment(node, text.splitlines()), page, names)
        assert printed is None or said.getvalue() == printed
