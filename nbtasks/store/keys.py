"""Every key: its name, its kind, what it holds, who removes it.

All keys of an app share one hash tag, so they live in one slot of a cluster. Python names those it
touches itself; the scripts build the others from the prefix.

    r:<rid>          HASH    a record: h header, q queue, c clients, n members, left, up stored so
                             far, pr priority, py Python tag, fn code hash, cap deliveries, keep ms,
                             exp ms, t0 submitted ms, us time and sz bytes of a member; of member i:
                             m<i> arguments, after a success the value, e<i> error, k<i> retries,
                             d<i> deaths, u<i> times lost that were not counted, p<i> progress,
                             w<i> worker, when it began there, and process, x<i> to be killed,
                             kp, cp<i>, pc<i>, pt<i>:<at> as in _kept.lua,
                             z<i> how often it was queued again, and the last request for it
                             in a canvas also the fields in _canvas.lua
                                                                TTL `keep` once every member ended,
                                                                a day until all are stored
    s:<rid>          STRING  one state byte a member                the same
    o:<rid>:<i>      STRING  what member i wrote                    a day after the last write
    ready:<q>        ZSET    slice -> priority band + order         emptied by takes
    ready:<q>@<py>   ZSET    slices that only this Python can load  emptied by takes
    ready:<list>%    ZSET    slices of these that wait for a limit  emptied by exchanges
    parked:<limit>   ZSET    the same by limit (_parked.lua)        emptied by exchanges
    limited          ZSET    limit that somebody waits for -> when  emptied by exchanges
                             to look at it, ms
    rate:<limit>     STRING  when its last token was used, us       a second after the next
    held:<limit>     ZSET    leases that count for it -> since ms   emptied by the ends of leases
    limits           HASH    what was said of tasks at run time     whoever takes it back
                             (_said.lua)
    paused           HASH    queue -> since when it is paused, ms    whoever resumes it
    room:<q>         STRING  members in a bounded queue             a quarter of a second
    sched            ZSET    slice -> due ms; % for `limited`       emptied by exchanges
    revoked          ZSET    slice -> when it was revoked, ms       three hours after the last one
    lease            ZSET    slice:token -> deadline ms; +limit     emptied by exchanges
                             behind the token of what counts for it
    wake:<q>         ZSET    a marker that idle workers wait for    popped, or after an hour
    wake:@<worker>   ZSET    the same for one worker                the same
    ev:<client>      STREAM  events for a client                    trimmed by it, or after a day
    ev               STREAM  events for monitors (_monitor.lua)     with the last of these, or a day
                                                                    after the last entry, or later
    monitors         HASH    listener -> until when, what it wants; with the last of these
                             # how many entries there were
    monitor          STRING  what they want together                the same
    fn:<hash>        STRING  signed code                            a week after the last record
                                                                    that needs it has ended
    pk:<hash>        STRING  a signed package                       30 days after its last use, 7
                                                                    after another replaced it
    refs             HASH    code hash -> unfinished records        emptied by their ends
    fd:<hash>        STRING  it is the code of a dead task          after 30 days
    ask:<worker>     ZSET    questions about what runs there,       10 s, or its next heartbeat
                             and orders (orders.py)
    fleet            ZSET    worker -> live until ms                a day after the last heartbeat
    hour             HASH    the last hour (hour.py), 120 points     an hour after the last of them
    w:<worker>       HASH    facts of a worker                      when it is no longer live
    ready:<q>!       ZSET    members that may die only once more    emptied by takes
    sus:<process>    STRING  the lease of the suspect it holds      a day
    in:<worker>      STRING  id of its last hand-in                 a day after it
    out:<worker>     STRING  id of its last report                  the same
    beat, grace      STRING  the last heartbeat of any worker; no lease is taken back while
                             `grace` is there                       a day, a heartbeat
    g:<root>         HASH    a canvas: plan (JSON: nodes, edges), left, as long as its results are
                             records that have not ended, t0         kept, once the last has ended
    spread           ZSET    slice that ended, and what waits for    emptied by exchanges
                             it was not told of yet -> when
    gr:<id>          STRING  a saved group (JSON)                   as long as results are kept
    nb:<notebook>    ZSET    what its cells have sent (JSON) ->     30 days after the last
                             when; the newest 200
    nb:<notebook>.calls      the same of other calls                the same
    dead             ZSET    slices given up -> when                30 days after the last
    en:<name>        HASH    a schedule entry: fields in _entry.lua whoever removes the entry
    due              ZSET    entry -> when to look at it, ms        the same
    rn:<name>        HASH    its last runs                          the same
    ro:<name>        ZSET    run -> when it was fired, ms           the same
    programs         HASH    program -> version and start, of       declaring nothing
                             those that declare entries
    asked            STRING  when it was last looked what is due    a day
    lead             STRING  who fires entries first                seconds after he has looked
    wake:%beat       ZSET    a marker: an entry is due earlier      popped, or after an hour
"""

from dataclasses import dataclass
from typing import Final

BEAT: Final = "%beat"
"""Who fires schedule entries waits for this in the place of a queue."""

LIMITED: Final = "%"
"""Behind the name of a list of slices: those of it that wait for a limit. In the list of what is
scheduled: when to look at limits."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one app that Python names itself."""

    app: str

    @property
    def prefix(self) -> str:
        """What every key begins with, and what scripts get."""
        return f"nbt:{{{self.app}}}:"

    def record(self, rid: str) -> str:
        """HASH of a record."""
        return f"{self.prefix}r:{rid}"

    def states(self, rid: str) -> str:
        """STRING of the state bytes of a record."""
        return f"{self.prefix}s:{rid}"

    def group(self, group_id: str) -> str:
        """STRING of a saved group."""
        return f"{self.prefix}gr:{group_id}"

    def notebook(self, name: str) -> str:
        """ZSET of what a notebook has sent."""
        return f"{self.prefix}nb:{name}"

    def canvas(self, root: str) -> str:
        """HASH of a canvas."""
        return f"{self.prefix}g:{root}"

    def code(self, digest: str) -> str:
        """STRING of signed code."""
        return f"{self.prefix}fn:{digest}"

    def package(self, name: str) -> str:
        """STRING of a signed package."""
        return f"{self.prefix}pk:{name}"

    def log(self, rid: str, index: int) -> str:
        """STRING of what a member wrote."""
        return f"{self.prefix}o:{rid}:{index}"

    def events(self, client: str) -> str:
        """STREAM of a client's events."""
        return f"{self.prefix}ev:{client}"

    def wake(self, queue: str) -> str:
        """ZSET that idle workers of a queue (`@name`: one worker) wait for."""
        return f"{self.prefix}wake:{queue}"

    def entry(self, name: str) -> str:
        """HASH of a schedule entry."""
        return f"{self.prefix}en:{name}"

    @property
    def due(self) -> str:
        """ZSET of the schedule entries."""
        return f"{self.prefix}due"

    def runs(self, name: str) -> str:
        """HASH of the last runs of a schedule entry."""
        return f"{self.prefix}rn:{name}"

    def ready(self, queue: str) -> str:
        """ZSET of the slices that wait."""
        return f"{self.prefix}ready:{queue}"

    @property
    def limits(self) -> str:
        """HASH of what was said of tasks at run time."""
        return f"{self.prefix}limits"

    @property
    def paused(self) -> str:
        """HASH of the queues that are paused."""
        return f"{self.prefix}paused"

    @property
    def lease(self) -> str:
        """ZSET of the leases."""
        return f"{self.prefix}lease"

    @property
    def sched(self) -> str:
        """ZSET of what waits for its time."""
        return f"{self.prefix}sched"

    @property
    def revoked(self) -> str:
        """ZSET of what was revoked lately."""
        return f"{self.prefix}revoked"

    @property
    def fleet(self) -> str:
        """ZSET of the workers."""
        return f"{self.prefix}fleet"

    def worker(self, name: str) -> str:
        """HASH of a worker's facts."""
        return f"{self.prefix}w:{name}"
