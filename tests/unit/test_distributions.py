"""What is installed, by the names of folders; and what a notebook compares of it."""

import json
from importlib.metadata import distributions
from pathlib import Path

import pytest

from nbtasks import Task, __version__
from nbtasks.distributions import installed, plain_name
from nbtasks.notebook.packages import compare, used


def test_it_finds_what_the_metadata_says():
    expected = {}
    for found in distributions():
        expected.setdefault(plain_name(found.metadata["Name"]), found.version)

    assert installed() == expected


def test_old_forms_and_a_missing_folder_are_read_too(tmp_path):
    (tmp_path / "Some_Thing-1.2+cu118.dist-info").mkdir()
    (tmp_path / "linked.egg-info").mkdir()
    (tmp_path / "linked.egg-info" / "PKG-INFO").write_text("Name: linked\nVersion: 3.1\n")
    (tmp_path / "older-2.0-py3.11.egg-info").write_text("Version: 2.0\n")
    (tmp_path / "broken.egg-info").mkdir()

    assert installed([str(tmp_path / "none"), str(tmp_path)]) == {
        "some-thing": "1.2+cu118",
        "linked": "3.1",
        "older": "2.0",
        "broken": "?",
    }


@pytest.mark.parametrize(
    ("name", "there", "found", "verdict"),
    [
        ("numpy", "2.1.0", "the same", ""),
        ("numpy", "2.1.3", "2.1.3", "differs a little"),
        ("numpy", "2.0.0", "2.0.0", "⚠ differs"),
        ("python", "3.9.1", "3.9.1", "⚠ functions cannot go there, cells can"),
        ("numpy", None, "not installed", "⚠ pip install numpy==2.1.0"),
    ],
    ids=["same", "patch", "minor", "python", "missing"],
)
def test_a_version_is_judged(name, there, found, verdict):
    packages = {name: there} if there else {}
    assert compare(name, "2.1.0", {"w1": packages}) == [(name, "2.1.0", found, "all", verdict)]


def test_workers_of_one_version_share_a_line():
    there = {f"w{n}": {"numpy": "1.0"} for n in range(5)} | {"new": {"numpy": "2.0"}, "old": None}

    assert compare("numpy", "2.0", there) == [
        ("numpy", "2.0", "1.0", "w0, w1, w2 and 2 more", "⚠ differs"),
        ("numpy", "2.0", "the same", "new", ""),
        ("numpy", "2.0", "it does not say", "old", ""),
    ]


def test_a_variable_tells_what_it_is_from():
    here = {"json": json, "Task": Task, "path": Path(), "test": pytest.fail, "_x": pytest, "y": 1}

    found, local = used({**here, "hidden": plain_name}, ["hidden"])

    assert list(found) == ["python", "nbtasks", "cloudpickle", "pytest"]
    assert found["nbtasks"] == __version__
    assert local == []
