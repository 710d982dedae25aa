"""Tasks that change their canvas while they run: replace and add_to_chord, on real workers."""

import pytest
from patience import wait_until
from worker_side import wait_for_leases

from nbtasks import chain, chord, group
from nbtasks.errors import ConfigError

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def add(app):
    return app.task(lambda *numbers: sum(numbers), name="add")


@pytest.fixture
def listed(app):
    return app.task(lambda *found: list(found), name="listed")


@pytest.fixture
def fail(app):
    def fail(*_):
        raise ValueError("broken")

    return app.task(fail)


@pytest.fixture
def becomes(app):
    """A task that is replaced by what this makes of the signature's argument."""

    def make(canvas, **options):
        def replaced(self, x):
            self.replace(canvas(x))

        return app.task(replaced, bind=True, **options)

    return make


SHAPES = {
    "a task": (lambda t, x: t.s(x, 10), 12),
    "a chain": (lambda t, x: t.s(x, 10) | t.s(100), 112),
    "a group": (lambda t, x: group(t.s(x, 1), t.s(x, 2)), [3, 4]),
    "a chain that ends in a group": (lambda t, x: t.s(x) | group(t.s(1), t.s(2)), [3, 4]),
    "a group of one task": (lambda t, x: group(t.s(x, n) for n in range(3)), [2, 3, 4]),
    "a group of none": (lambda _, __: group([]), []),
}


@pytest.mark.parametrize(("canvas", "value"), SHAPES.values(), ids=SHAPES)
def test_a_replaced_task_has_the_value_of_what_goes_on(app, add, listed, canvas, value):
    def replaced(self, x):
        return self.replace(canvas(add, x))

    task = app.task(replaced, bind=True)
    assert task.delay(2).get(10) == value
    assert chain(add.s(1, 1), task.s(), listed.s("end")).delay().get(10) == [value, "end"]


def test_a_task_is_replaced_by_a_chord(add, listed, becomes):
    task = becomes(lambda x: chord([add.s(x, 1), add.s(x, 2)], listed.s("body")))
    assert task.delay(2).get(10) == [[3, 4], "body"]


def test_a_coroutine_may_be_replaced(app, add):
    async def replaced(self, x):
        raise self.replace(add.s(x, 10))

    assert app.task(replaced, bind=True).delay(2).get(10) == 12


def test_what_goes_on_may_be_replaced_too(app):
    def down(self, x):
        if x == 0:
            return "bottom"
        return self.replace(self_task.s(x - 1))

    self_task = app.task(down, bind=True, name="down")
    assert self_task.delay(5).get(20) == "bottom"


def test_some_members_of_a_group_are_replaced_and_keep_their_places(app, add):
    def maybe(self, x):
        return x if x % 2 else self.replace(add.s(x, 100))

    task = app.task(maybe, bind=True)
    expected = [x if x % 2 else x + 100 for x in range(40)]
    assert group(task.s(x) for x in range(40))().get(20) == expected


def test_steps_of_equal_chains_are_replaced_each_by_itself(add, becomes):
    task = becomes(lambda x: add.s(x, 100) if x % 3 else add.s(x) | add.s(200))
    chains = group(add.s(x) | task.s() | add.s(1000) for x in range(40))
    assert chains().get(20) == [x + 1000 + (100 if x % 3 else 200) for x in range(40)]


def test_what_goes_on_has_the_stamps_and_the_group_of_the_task(app, add):
    def ask(self):
        return self.request.group, self.request.stamps, self.request.stamped_headers

    def replaced(self):
        stamped = task.s()
        stamped.stamp(own=1)
        self.replace(stamped)

    task = app.task(ask, bind=True)
    members = group(app.task(replaced, bind=True).s(), add.s(1))
    members.stamp(ticket="T-1")
    result = members.delay()
    (group_id, stamps, names), _ = result.get(10)
    assert group_id == result.id
    assert (stamps["ticket"], stamps["own"]) == ("T-1", 1)
    assert {"ticket", "own"} <= set(names)


def test_a_replaced_header_task_counts_once_with_its_value(add, listed, becomes):
    task = becomes(lambda x: add.s(x, 100))
    found = chord([task.s(1), add.s(2), task.s(3)], listed.s())().get(10)
    assert found == [[101, 2, 103]]


def test_errbacks_hear_of_the_failure_of_what_goes_on(app, fail, becomes, tmp_path):
    path = tmp_path / "heard"

    def heard(request, exc, traceback):
        path.write_text(f"{request.task} {exc!r} {traceback.splitlines()[-1]}")

    task = becomes(fail.s, name="outer")
    step = task.s(1)
    step.link_error(app.task(heard).s())
    with pytest.raises(ValueError, match="broken"):
        step.delay().get(10)
    wait_until(lambda: path.exists() and path.read_text(), "the errback has run")
    assert path.read_text() == "outer ValueError('broken') ValueError: broken"
    wait_for_leases(app)


def test_an_immutable_errback_is_called_with_its_own_arguments(app, fail, tmp_path):
    path = tmp_path / "heard"
    step = fail.s()
    step.link_error(app.task(path.write_text, name="note").si("own"))
    with pytest.raises(ValueError, match="broken"):
        step.delay().get(10)
    wait_until(lambda: path.exists() and path.read_text(), "the errback has run")
    assert path.read_text() == "own"
    wait_for_leases(app)


@pytest.mark.parametrize("what", [lambda _: chain(), lambda _: 7], ids=["nothing", "a number"])
def test_what_cannot_go_on_is_an_error_of_the_task(becomes, what):
    with pytest.raises(ConfigError):
        becomes(what).delay(1).get(10)


# Who sends what


def test_a_task_knows_its_place_in_a_canvas(app):
    def ask(self, *_, **__):
        request = self.request
        return request.id, request.parent_id, request.root_id, request.args, request.kwargs

    task = app.task(ask, bind=True)
    result = (task.s(1, b=2) | task.s()).delay()
    second, first = result.get(10), result.parent.get(10)
    assert first == (result.parent.id, None, first[0], (1,), {"b": 2})
    assert second == (result.id, first[0], first[0], (first,), {})


@pytest.mark.parametrize("how", ["delay", "replace"])
def test_what_a_task_sends_knows_that_task_and_its_root(app, how):
    def ask(self):
        return self.request.parent_id, self.request.root_id

    def send(self, *_):
        if how == "replace":
            self.replace(inner.s())
        return inner.delay().get(10)

    inner = app.task(ask, bind=True)
    outer = app.task(send, bind=True)
    result = (app.task(lambda: 0).s() | outer.s()).delay()
    assert result.get(10) == (result.id, result.parent.id)


# add_to_chord


def test_a_chord_waits_for_what_its_header_adds(app, add, listed):
    def grow(self, x):
        self.add_to_chord(add.s(x, 100))
        self.add_to_chord(group(add.s(1), add.s(2)))
        return x

    header = [app.task(grow, bind=True).s(1), add.s(2)]
    assert chord(header, listed.s())().get(10) == [[1, 2, 101, [1, 2]]]


def test_a_chord_fails_with_what_was_added(app, add, fail):
    def grow(self, x):
        self.add_to_chord(fail.s(x))
        return x

    result = chord([app.task(grow, bind=True).s(1), add.s(2)], add.si())()
    with pytest.raises(ValueError, match="broken"):
        result.get(10)
    assert result.parent.get(10) == [1, 2]  # the chord had failed before they had ended


def test_what_was_added_to_a_chord_adds_nothing_itself(app, listed):
    def grow(self, depth):
        if depth:
            self.add_to_chord(task.s(depth - 1))

    task = app.task(grow, bind=True)
    with pytest.raises(ConfigError, match="not for what was added later"):
        chord([task.s(2)], listed.s()).delay().get(10)


def test_a_task_that_is_in_no_chord_adds_and_sends_nothing(app, add, tmp_path):
    path = tmp_path / "ran"

    def grow(self):
        self.add_to_chord(app_task.s())

    app_task = app.task(lambda: path.write_text("ran"), name="added")
    with pytest.raises(ConfigError, match="is in no chord"):
        app.task(grow, bind=True).delay().get(10)
    assert add.delay(1, 2).get(10) == 3
    assert not path.exists()
