"""Tasks for the tests of JSON: nothing that this module imports imports pickle."""

import sys

from nbtasks.app import current_app


def echo(*args, **kwargs):
    return [list(args), kwargs]


def pickles(_):
    """Which modules that can unpickle this process has imported."""
    return sorted({"pickle", "_pickle", "cloudpickle"} & set(sys.modules))


def fail(kind):
    if kind == "own":
        raise OwnError("own")
    raise KeyError("k")


def set_of(values):
    return set(values)


class OwnError(Exception):
    pass


def talk(text):
    sys.stdout.write(text)
    return text


def replaced(self, x):
    return self.replace(current_app().task(answer).s(x=x))


def answer(**kwargs):
    return ["replaced", kwargs]
