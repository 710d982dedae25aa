"""A pytest plugin: plants a fault in the scripts, as the environment says.

PLANTED='["old text", "new text"]' pytest -p planted ...
"""

import json
import os
from hashlib import sha1

from nbtasks.store.scripts import SCRIPTS, Script


def mutants(old: str, new: str) -> list[Script]:
    """The scripts with one piece of text in the place of another.

    Raises:
        LookupError: No script has that piece.
    """
    found = [script for script in SCRIPTS.values() if old in script.text]
    if not found:
        raise LookupError(f"no script has {old!r} any more: plant this fault elsewhere")
    texts = [(script.name, script.text.replace(old, new)) for script in found]
    return [
        Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())
        for name, text in texts
    ]


if "PLANTED" in os.environ:
    SCRIPTS.update({script.name: script for script in mutants(*json.loads(os.environ["PLANTED"]))})
