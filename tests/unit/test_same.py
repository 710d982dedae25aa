"""Bytes that are the same for what is the same, in every process and wherever it was written."""

import os
import subprocess
import sys

import pytest

from nbtasks.errors import Unsendable
from nbtasks.pickling import same

SOURCE = """
from nbtasks.pickling import same
import numpy as np

def double(x, *, among={"a", "b", "c"}):
    return 2 * x if x not in {"p", "q", "r"} else among

class Shape:
    sides = 4
    def area(self):
        return Shape, double(self.sides)

def run(n):
    return run(n - 1) + Shape().area() if n else np.sum

print(same([run, Shape, Shape(), {"x", "y", "z"}, np.arange(5), lambda: double], "it").hex())
"""


def printed(source, seed):
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", source]
    return subprocess.run(command, env=environment, check=True, capture_output=True).stdout


def test_another_process_with_other_hashes_and_line_numbers_makes_the_same_of_it():
    assert printed(SOURCE, "1") == printed(f"\n\n{SOURCE}", "2")


@pytest.mark.parametrize(
    ("before", "after"), [("2 * x", "3 * x"), ("sides = 4", "sides = 5"), ('"r"', '"s"')]
)
def test_what_does_something_else_is_something_else(before, after):
    assert before in SOURCE
    assert printed(SOURCE, "1") != printed(SOURCE.replace(before, after), "1")


def test_equal_parts_need_not_be_one_object():
    part = "x" * 100

    assert same([part, part], "it") == same([part, bytes(part, "ascii").decode()], "it")


def test_what_holds_itself_is_no_trouble():
    ring: list[object] = [1]
    ring.append(ring)

    assert same(ring, "it")


def test_what_cannot_be_pickled_is_named():
    with pytest.raises(Unsendable, match="its inputs"):
        same((each for each in ()), "its inputs")
