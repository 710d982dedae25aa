"""Nothing unsigned is ever unpickled: an audit hook in a process of its own is the oracle."""

import subprocess
import sys

import pytest

COMMON = """
import random, sys
from nbtasks.errors import BadSignature, NbTasksError
from nbtasks.record import Header
from nbtasks.retry import RetryPolicy
from nbtasks.pickling import encode
from nbtasks.signing import Signer

class Unpickled(BaseException):
    pass

watched = set()  # modules whose classes only a message names

def oracle(event, args):
    if event == "pickle.find_class" and args[0] in watched:
        raise Unpickled(args)

sys.addaudithook(oracle)
signer = Signer(b"the key of this side", "main")
random.seed(SEED)
import fractions
VALUE = fractions.Fraction(1, 3)  # to be unpickled, its class must be found

def mutate(body):
    kind = random.randrange(6)
    at = random.randrange(len(body)) if body else 0
    if kind == 0:
        return body[:at] + bytes([body[at] ^ 1 << random.randrange(8)]) + body[at + 1 :]
    if kind == 1:
        return body[:at]
    if kind == 2:
        return body[:at] + random.randbytes(random.randrange(1, 40)) + body[at:]
    if kind == 3:
        return random.randbytes(random.randrange(60))
    if kind == 4:
        return b"\\0" + body[at:]
    return b"\\1" + random.randbytes(16) + encode(VALUE, "it")[0]
"""

CLIENT = (
    COMMON
    + """
from nbtasks.app import App
from nbtasks.failure import encode_failure, system_body
from nbtasks.live import LiveRecord
from nbtasks.states import FAILURE, REVOKED, SUCCESS

app = App("main", broker="redis://nobody", key=b"the key of this side")
seal = signer.results("r1")
value = seal.seal(0, encode(VALUE, "it")[0])
error = seal.seal(0, encode_failure(ValueError(VALUE), "note"))
system = system_body("WorkerLost", deaths=1, reason="x")
live = LiveRecord("r1", 1, "fit")

def read(state, body):
    live.states[0] = state
    found = app._open(live, 0, body, seal)
    if isinstance(found, BaseException):
        raise found

def genuine(state, body):
    try:
        read(state, body)
    except Unpickled:
        return True
    return False

watched |= {"fractions", "builtins"}
assert genuine(SUCCESS, value)
refused = other = 0
for state, body in ((SUCCESS, value), (FAILURE, error), (REVOKED, system)):
    for _ in range(400):
        changed = mutate(body)
        if changed == body:
            continue
        try:
            read(state, changed)
        except BadSignature:
            refused += 1
        except NbTasksError:
            other += 1  # a failure that the store may write: JSON only
for state, body in ((FAILURE, value), (SUCCESS, error), (REVOKED, value), (SUCCESS, system)):
    try:
        read(state, body)
    except BadSignature:
        refused += 1
print(refused, other)
"""
)

CHILD = (
    COMMON
    + """
from contextlib import nullcontext
from nbtasks.clock import SystemClock
from nbtasks.functions import FunctionCache
from nbtasks.states import FAILURE
from nbtasks.worker.library import Library
from nbtasks.worker.work import ChildSettings, Work

code = FunctionCache().code(lambda value: value, "fit")
blob = signer.code().seal(0, code.blob)
header = Header(task="fit", code=code.hash, retry=RetryPolicy(max_retries=1)).encode()
body = signer.arguments("r1", header).seal(0, encode(((VALUE,), {}), "it")[0])
settings = ChildSettings(worker="w1", signer=signer, max_value=10**6)

def run(header, body, blob, name=code.hash):
    work = Work(1, 1, "r1", 1, 0, header, name, 0, False, [body], blob)
    call = lambda function, loaded, args, kwargs: function(*args, **kwargs)
    return Library(settings, SystemClock()).slice(work).run(0, body, call, nullcontext())

def genuine():
    try:
        return run(header, body, blob)[0] == FAILURE
    except Unpickled:
        return True

for module in ("fractions", "cloudpickle.cloudpickle"):
    watched = {module}
    assert genuine(), f"the oracle sees {module}"
refused = 0
for which in range(3):
    # With the code in order, only the arguments must not be read.
    watched = {"fractions"} if which < 2 else {"fractions", "cloudpickle.cloudpickle"}
    parts = [header, body, blob]
    for _ in range(400):
        changed = list(parts)
        changed[which] = mutate(parts[which])
        if changed == parts:
            continue
        state, answer = run(*changed)
        assert state == FAILURE, state
        refused += 1
print(refused, 0)
"""
)


@pytest.mark.parametrize(
    "side", [pytest.param(CLIENT, id="client"), pytest.param(CHILD, id="child")]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_changed_messages_are_refused_and_none_is_unpickled(side, seed):
    done = subprocess.run(
        [sys.executable, "-c", side.replace("SEED", str(seed))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    refused, other = map(int, done.stdout.split())
    assert refused + other >= 1000
    assert refused > other
