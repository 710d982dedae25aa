"""Which commands a script calls, by the functions of the prelude that it uses."""

import re

from nbtasks.store import scripts

_CALL = re.compile(r"redis\.call\('(\w+)'")
_FUNCTION = re.compile(r"(?m)^(?=(?:local )?function )")


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
