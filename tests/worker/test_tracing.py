"""Traces: what is sent and what runs, in one trace, from a client to the processes of a worker."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from patience import wait_until
from worker_side import HERE
from workers import WorkerProcess

from nbtasks import tracing
from nbtasks.app import App
from nbtasks.canvas import chain, group
from nbtasks.errors import Unsendable


@dataclass
class Client:
    """The app, and the spans of this process and of the worker's."""

    app: App
    memory: InMemorySpanExporter
    path: Path
    provider: TracerProvider

    @property
    def sent(self):
        return self.memory.get_finished_spans()

    def runs(self, count, trace_id):
        """So many spans that the worker has exported, of one trace, by their names."""
        wanted = f"0x{trace_id:032x}"

        def look():
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            spans = [span for span in map(json.loads, lines) if in_trace(span, wanted)]
            return spans if len(spans) >= count else None

        spans = wait_until(look, f"{count} spans are exported")
        assert len(spans) == count
        return sorted(spans, key=lambda span: span["name"])


def in_trace(span, wanted):
    return span["context"]["trace_id"] == wanted


def span_id(span):
    return f"0x{span.context.span_id:016x}"


@pytest.fixture(scope="module")
def spans_file(shared_app, tmp_path_factory):
    """Where a worker of `shared_app` writes its spans to."""
    path = tmp_path_factory.mktemp("traces")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        patch.setenv("TRACE_SPANS", str(path / "spans"))
        options = ("-A", "trace_side", "-c", "1")
        worker = WorkerProcess(shared_app, *options, log=path / "log")
        try:
            wait_until(shared_app.workers, "the worker has come up")
            yield path / "spans"
        finally:
            worker.stop()


@pytest.fixture
def client(shared_app, spans_file):
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracing.instrument(provider)
    yield Client(shared_app, memory, spans_file, provider)
    tracing.uninstrument()
    provider.shutdown()


def test_what_runs_is_in_the_trace_of_what_was_sent(client):
    result = client.app.send_task("trace_side.add", (1, 2))
    assert result.get(20) == 3
    (sent,) = client.sent
    assert (sent.name, sent.kind) == ("send trace_side.add", SpanKind.PRODUCER)
    assert sent.attributes["messaging.destination.name"] == "default"
    (run,) = client.runs(1, sent.context.trace_id)
    assert (run["name"], run["kind"]) == ("run trace_side.add", "SpanKind.CONSUMER")
    assert run["parent_id"] == span_id(sent)
    told = run["attributes"]
    assert (told["messaging.message.id"], told["nbtasks.state"]) == (result.id, "SUCCESS")
    (worker,) = client.app.workers()
    assert (told["nbtasks.worker"], told["nbtasks.retries"]) == (worker.name, 0)


def test_a_span_around_the_call_is_the_parent(client):
    with client.provider.get_tracer("lab").start_as_current_span("search") as search:
        client.app.send_task("trace_side.add", (1, 2)).get(20)
    sent = client.sent[0]
    assert sent.parent.span_id == search.get_span_context().span_id
    assert len(client.runs(1, sent.context.trace_id)) == 1


def test_a_canvas_is_one_trace(client):
    add = client.app.task(lambda x, y: x + y, name="add")
    canvas = chain(group(add.s(1, 2), add.s(3, 4)), client.app.task(sum, name="total").s())
    assert canvas.delay().get(20) == 10
    assert len({span.context.trace_id for span in client.sent}) == 1
    runs = client.runs(3, client.sent[0].context.trace_id)
    assert [run["name"] for run in runs] == ["run add", "run add", "run total"]
    assert {run["parent_id"] for run in runs} == set(map(span_id, client.sent))
    counts = [span.attributes.get("messaging.batch.message_count") for span in client.sent]
    assert sorted(counts, key=str) == [2, None]


def test_an_error_is_an_event_of_a_span_that_failed(client):
    with pytest.raises(KeyError):
        client.app.send_task("trace_side.fail").get(20)
    (run,) = client.runs(1, client.sent[0].context.trace_id)
    assert run["status"]["status_code"] == "ERROR"
    assert "no such product" in run["status"]["description"]
    (event,) = run["events"]
    assert event["attributes"]["exception.type"] == "KeyError"


def test_each_try_has_a_span(client):
    assert client.app.send_task("trace_side.stumble").get(20) == "up"
    first, second = client.runs(2, client.sent[0].context.trace_id)
    states = {run["attributes"]["nbtasks.state"]: run for run in (first, second)}
    assert states["RETRY"]["events"][0]["attributes"]["exception.type"] == "OSError"
    assert states["RETRY"]["status"]["status_code"] == "UNSET"
    assert states["SUCCESS"]["attributes"]["nbtasks.retries"] == 1


def test_what_a_task_sends_is_below_it(client):
    client.app.send_task("trace_side.sends").get(20)
    runs = client.runs(4, client.sent[0].context.trace_id)
    by_name = {run["name"]: run for run in runs}
    path = ["run trace_side.add", "send trace_side.add", "shop's own", "run trace_side.sends"]
    for child, parent in pairwise(path):
        assert by_name[child]["parent_id"] == by_name[parent]["context"]["span_id"]


def test_what_goes_on_in_the_place_of_a_task_is_in_its_trace(client):
    assert client.app.send_task("trace_side.grows").get(20) == 6
    runs = client.runs(5, client.sent[0].context.trace_id)
    assert sum(run["name"] == "run trace_side.add" for run in runs) == 2


def test_coroutines_that_run_side_by_side_have_spans_of_their_own(client):
    with client.provider.get_tracer("lab").start_as_current_span("all"):
        results = [client.app.send_task("trace_side.meets", (n,)) for n in range(4)]
    for result in results:
        result.get(20)
    runs = client.runs(8, client.sent[0].context.trace_id)
    tasks = {run["context"]["span_id"] for run in runs if run["name"] == "run trace_side.meets"}
    parents = [run["parent_id"] for run in runs if run["name"].startswith("meeting")]
    assert len(set(parents)) == 4
    assert set(parents) == tasks


def test_what_runs_in_the_process_that_sends_it_is_traced(client):
    with client.provider.get_tracer("lab").start_as_current_span("search") as search:
        assert client.app.task(len, name="size").apply(("abc",)).get() == 3
    run, _ = client.sent
    assert (run.name, run.parent.span_id) == ("run size", search.get_span_context().span_id)


def test_what_could_not_be_sent_is_ended_in_the_end(client, monkeypatch):
    monkeypatch.setattr(tracing, "MOST_KEPT", 1)
    with pytest.raises(Unsendable):
        client.app.send_task("trace_side.add", (lambda: client, iter([]), open), serializer="json")
    client.app.send_task("trace_side.add", (1, 2)).get(20)
    unsent = client.sent[0]
    assert (unsent.status.status_code, unsent.status.description) == (
        StatusCode.ERROR,
        "it was not sent",
    )


def test_without_it_nothing_is_added_to_what_is_sent(client):
    tracing.uninstrument()
    client.app.send_task("trace_side.add", (1, 2)).get(20)
    assert not client.sent
