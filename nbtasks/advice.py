"""What to say in place of options of Celery's that are none here (pure)."""

from collections.abc import Sequence
from typing import Final

from nbtasks.spelling import nearest

_NO_BROKER: Final = "there is no broker between client and queue: say queue="
_CONNECTION: Final = "an app has one connection: leave it out, or make an App for another Redis"
_CANVAS: Final = "group, chain and chord say that themselves: leave it out"
_ALWAYS_TOLD: Final = "what becomes of a task is always told: leave it out"

_ADVICE: Final = {
    **dict.fromkeys(
        ("exchange", "exchange_type", "routing_key", "router", "delivery_mode", "mandatory"),
        _NO_BROKER,
    ),
    **dict.fromkeys(("connection", "producer", "publisher"), _CONNECTION),
    **dict.fromkeys(("group_id", "group_index", "chord", "root_id", "parent_id"), _CANVAS),
    **dict.fromkeys(("send_events", "track_started", "trail", "add_to_parent"), _ALWAYS_TOLD),
    "backend": "results are where tasks are: leave it out, or keep them with App.archive(url)",
    "result_backend": "results are where tasks are: leave it out",
    "reply_to": "results are for every client that has the id: leave it out",
    "content_type": "say serializer=",
    "content_encoding": "say compression=",
    "argsrepr": "arguments are shown as they are: leave it out",
    "kwargsrepr": "arguments are shown as they are: leave it out",
    "store_eager_result": "it is a setting of the app: task_store_eager_result",
    "abstract": "leave it out: a class of tasks without run() is one",
}


def no_option(name: str, known: Sequence[str]) -> str:
    """What follows upon `there is no option 'x'`: what to say instead, or what is near."""
    advice = _ADVICE.get(name)
    return f": {advice}" if advice and name not in known else nearest(name, known)
