"""Places in tracebacks lead to cells."""

import pytest

from nbtasks.notebook import places

TEXT = "  Cell In[2], line 3, in &lt;module&gt;"


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/my notebook.ipynb")
    monkeypatch.setattr(places, "_cells", {})


@pytest.mark.usefixtures("notebook")
def test_a_cell_whose_id_is_known_is_a_link():
    places.note_cell(2, 'a"b')
    link = '<a href="my%20notebook.ipynb#cell-id=a%22b">Cell In[2], line 3</a>'
    assert places.linked(TEXT) == TEXT.replace("Cell In[2], line 3", link)


@pytest.mark.usefixtures("notebook")
def test_a_cell_whose_id_nobody_told_is_none():
    places.note_cell(2, "")
    places.note_cell(3, "c")
    assert places.linked(TEXT) == TEXT


def test_without_a_notebook_there_are_no_links(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(places, "_cells", {2: "c"})
    assert places.linked(TEXT) == TEXT
