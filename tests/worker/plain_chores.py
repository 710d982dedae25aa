"""Tasks for the tests of JSON: nothing that this module imports imports pickle."""

import sys

from nbtasks.app import current_app


def echo(*args, **kwargs):
    return [list(args), kwargs]


def pickles(_):
    """Which modules that can unpickle this process has imported."""
    return sorted({"pickle", "_pickle", "cloudpickle"} & set(sys.modules))


seen = []


def watch(_):
    """Note from now on what this process unpickles, or imports for that."""

    def hook(event, args):
        is_import = event == "import" and args[0] in {"pickle", "_pickle", "cloudpickle"}
        if is_import or event == "pickle.find_class":
            seen.append([event, str(args[0])])

    sys.addaudithook(hook)


def has_seen(_):
    return seen


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
