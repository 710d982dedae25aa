"""Apps that need no Redis."""

from nbtasks.app import App


def make_eager_app(**settings):
    """Nobody answers there: an eager run needs no Redis."""
    return App("eager", broker="redis://127.0.0.1:1", key="k" * 32, **settings)


def throw(value):
    """As the statement, in a lambda."""
    raise ValueError(value)
