"""Which commands of Redis a side needs: what its scripts call, and what it calls besides."""

import re
from pathlib import Path

import nbtasks
from nbtasks.store import scripts

PACKAGE = Path(nbtasks.__file__).parent
WORKER_SCRIPTS = {"answer", "exchange", "extend", "leave", "report"}
CLIENT_SCRIPTS = scripts.SCRIPTS.keys() - WORKER_SCRIPTS - {"due"}
FIRING_SCRIPTS = {"alter", "due", "fire", "revoke", "submit"}
"""Workers fire schedule entries; clients run them by hand."""

_DIRECT = re.compile(r'(?:(?:call|send)\(|return (?="\w+",))\s*"([A-Z]+)"(?:, "([A-Z]+)")?')
_CALL = re.compile(r"redis\.call\('(\w+)'")
_FUNCTION = re.compile(r"(?m)^(?=(?:local )?function )")


def side(name):
    """All commands that clients, workers or monitors need, as a rule for users has them."""
    checkup = PACKAGE / "store" / "checkup.py"
    workers = {*(PACKAGE / "worker").glob("*.py"), PACKAGE / "beat.py"}
    link = PACKAGE / "store" / "link.py"
    match name:
        case "worker":
            entries = PACKAGE / "store" / "entries.py"
            return needs(*WORKER_SCRIPTS, *FIRING_SCRIPTS) | _direct(*workers, link, entries)
        case "client":
            pure = set((PACKAGE / "schedule").glob("*.py"))  # "UTC" is no command
            testbed = PACKAGE / "store" / "testbed.py"  # it ends servers that tests have started
            others = set(PACKAGE.rglob("*.py")) - workers - {checkup, testbed} - pure
            return needs(*CLIENT_SCRIPTS) | _direct(*others)
        case _:
            # What an administrator may ask besides; and to load scripts, which is not missed.
            more = {"acl|getuser", "config|get", "script|load", "evalsha"}
            return _direct(checkup, PACKAGE / "store" / "fleet.py", link) - more


def _direct(*paths):
    found = set()
    for path in paths:
        for command, sub in _DIRECT.findall(path.read_text("utf-8")):
            has_parts = command in {"ACL", "CONFIG", "SCRIPT"}
            found.add(f"{command}|{sub}".lower() if has_parts else command.lower())
    return found


def needs(*names):
    """The commands of these scripts, in lower case."""
    found = set()
    for name in names:
        text = scripts.SCRIPTS[name].text
        # Functions at the left margin, each with what follows it up to the next one.
        head, *parts = _FUNCTION.split(text)
        functions = {}
        body = head
        for part in parts:
            end = part.index("\nend") + len("\nend")
            functions[re.match(r"(?:local )?function (\w+)", part)[1]] = part[:end]
            body += part[end:]
        found |= _used(body, functions)
    return {command.lower() for command in found}


def _used(text, functions):
    seen, waiting, found = set(), [text], set()
    while waiting:
        part = waiting.pop()
        found |= set(_CALL.findall(part))
        for name in functions.keys() - seen:
            if re.search(rf"\b{name}\b", part):
                seen.add(name)
                waiting.append(functions[name])
    return found
