"""A board without a browser: its clock, the thread of events, and the wire to the front end."""

import struct

from nbtasks.live import LiveRecord
from nbtasks.states import SUCCESS


class Clock:
    now_ms = 1_000_000

    def wall_ms(self):
        return self.now_ms

    def tick_ms(self):
        return float(self.now_ms)


class EventThread:
    """Calls the flusher when the test says so."""

    def __init__(self):
        self.flushers = []

    def add_flusher(self, fn):
        self.flushers.append(fn)

    def remove_flusher(self, fn):
        self.flushers = [kept for kept in self.flushers if kept is not fn]

    def flush(self, now_ms):
        (flusher,) = self.flushers
        return flusher(now_ms)


class Wire:
    """What went to the browser."""

    def __init__(self):
        self.messages = []
        self.comms = []

    def custom(self, kind=None):
        found = [
            (data["content"], buffers)
            for _, data, buffers in self.messages
            if data and data.get("method") == "custom"
        ]
        return [pair for pair in found if kind in (None, pair[0]["t"])]

    def opened(self):
        """The states of the boards that were opened; ipywidgets opens a layout for each."""
        states = [data["state"] for kind, data, _ in self.messages if kind == "comm_open"]
        return [state for state in states if "whole" in state]

    def clicks(self, content):
        message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
        self.comms[-1].handle_msg(message)


def record(n=1, name="fit"):
    return LiveRecord("a1", n, name, submitted_ms=999_000)


def succeed(one, *indices):
    for index in indices:
        one.finish(index, bytes([SUCCESS]), [b""], "w", 1_000_000)


def changes(data):
    return list(struct.iter_unpack("<IBB", data))
