"""One worker for all tests of a file: they are lessons about one app."""

import pytest


@pytest.fixture(scope="module")
def app(shared_app, shared_worker):  # noqa: ARG001 - it is to run
    """An app with a worker of two processes."""
    return shared_app
