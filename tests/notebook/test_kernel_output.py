"""What tasks display, in a real kernel: figures, tables, floods."""

import json

import pytest
from patience import wait_until

FIGURE = """%%task draw -b --view html
import matplotlib.pyplot as plt
import pandas as pd
print('above')
display(pd.DataFrame({'a': [71, 72]}))
plt.plot([1, 2])
print('below')
"""
VALUE = """%%task table -b --view html
import pandas as pd
print('made')
pd.DataFrame({'a': [81, 82]})
"""
FLOOD = """%%task flood -b --view html
from IPython.display import HTML, display
for number in range(500):
    display(HTML(f'<p>{number}' + 'x' * 30_000))
for number in range(200_000):
    print('line', number)
"""


def card(cell):
    return cell.displays[0]["text/html"]


@pytest.mark.slow
def test_figures_and_tables_are_on_the_card_in_order(kernel):
    cell = kernel.ok(FIGURE)
    wait_until(lambda: "data:image/png" in card(cell), "the figure is there")
    page = card(cell)
    places = [page.index(each) for each in ("above", "<td>71</td>", "below", "data:image/png")]
    assert places == sorted(places)


@pytest.mark.slow
def test_the_value_of_a_cell_is_on_its_card_as_a_notebook_shows_it(kernel):
    cell = kernel.ok(VALUE)
    wait_until(lambda: "<td>81</td>" in card(cell), "the table is there")
    page = card(cell)
    assert page.index("made") < page.index("value</summary>") < page.index("<td>81</td>")


@pytest.mark.slow
def test_a_flood_leaves_the_kernel_free_and_the_notebook_small(kernel):
    cell = kernel.ok(FLOOD)
    assert kernel.ok("1 + 1").value == "2"
    assert len(json.dumps(cell.outputs)) < 5_000_000
    assert "displays dropped" in card(cell)
    assert "line 199999" in card(cell)
