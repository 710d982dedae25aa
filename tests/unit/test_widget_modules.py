"""The modules of a widget, joined into one: what they name must not clash."""

import re
from collections import Counter

import pytest

from nbtasks.notebook import widget


@pytest.mark.parametrize("kind", list(widget._MODULES))
def test_no_two_modules_of_a_widget_define_the_same_name(kind):
    source = widget.join_modules(kind)
    texts = [(widget._STATIC / name).read_text() for name in widget._MODULES[kind]]
    pattern = r"(?m)^(?:export )?(?:async )?(?:const|let|class|function) (\w+)"
    names = Counter(name for text in texts for name in re.findall(pattern, text))

    assert [name for name, count in names.items() if count > 1] == []
    assert source.count("export default") == 1


MOST = dict.fromkeys(widget._MODULES, 20_000) | {"board": 23_000, "graph": 37_000}


@pytest.mark.parametrize(("kind", "most"), MOST.items())
def test_what_is_sent_of_a_widget_is_small(kind, most):
    assert len(widget.pack_modules(kind)) < most
