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
LINES = """%%task lines --view html
for start in range(0, 1_000_000, 100):
    print('\\n'.join(f'line {number}' for number in range(start, start + 100)))
"""
# The first who draws on a machine is told that a cache of fonts is made.
FIGURES = """%%task figures --view html
import logging
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
import matplotlib.pyplot as plt
for number in range(500):
    plt.figure(figsize=(1, 1)).text(0, 0, str(number))
    plt.show()
"""
UPDATES = """%%task updates -b --view html
from IPython.display import HTML, clear_output, display
print('cleared')
clear_output()
handle = display(HTML('<b>old</b>'), display_id=True)
print('below')
handle.update(HTML('<b>new</b>'))
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
def test_displays_are_updated_in_their_places_and_output_is_cleared(kernel):
    cell = kernel.ok(UPDATES)
    wait_until(lambda: "<b>new</b>" in card(cell), "it is updated")
    page = card(cell)
    assert page.index("<b>new</b>") < page.index("below")
    assert "old" not in page
    assert "cleared" not in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "name", "dropped"),
    [(LINES, "lines", "lines dropped"), (FIGURES, "figures", "480 displays dropped")],
    ids=["a million lines", "500 figures"],
)
def test_a_flood_leaves_the_kernel_free_and_the_notebook_small(kernel, source, name, dropped):
    cell = kernel.ok(source)
    assert kernel.ok("1 + 1").value == "2"
    kernel.ok(f"{name}.get()")
    wait_until(lambda: kernel.read() and dropped in card(cell), "what was dropped is told")
    assert len(json.dumps(cell.outputs)) < 5_000_000
    counted = f"o = {name}.records[0].output[0]; o.dropped_lines + o.text().count('\\n')"
    assert kernel.ok(counted).value in {"0", "1000000"}


@pytest.mark.slow
def test_the_last_line_of_a_flood_is_on_the_card_and_the_log_tells_of_the_rest(kernel):
    cell = kernel.ok(LINES)
    kernel.ok("lines.get()")
    wait_until(lambda: kernel.read() and "line 999999" in card(cell), "its last line is there")
    log = kernel.ok("print(lines.log[:30], lines.log[-12:])").text("stdout")
    assert log.startswith("…")
    assert " dropped …" in log
    assert "line 999999" in log
