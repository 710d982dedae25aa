"""A program that traces: its spans go to a file, one JSON line each."""

import asyncio
import os
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from nbtasks import App, chain, current_app, tracing
from nbtasks.signals import worker_process_init

app = App()
tracing.instrument()


@worker_process_init.connect
def export(**_):
    file = Path(os.environ["TRACE_SPANS"]).open("a", buffering=1)  # noqa: SIM115 - to the end
    exporter = ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(None) + "\n")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))
    trace.set_tracer_provider(provider)


@app.task
def add(x, y):
    return x + y


@app.task
def fail():
    raise KeyError("no such product")


@app.task(bind=True, max_retries=1)
def stumble(self):
    if not self.request.retries:
        raise self.retry(exc=OSError("gone"), countdown=0)
    return "up"


@app.task
def sends():
    with trace.get_tracer("shop").start_as_current_span("shop's own"):
        return current_app().send_task("trace_side.add", (1, 2)).id


@app.task
async def meets(n):
    await asyncio.sleep(0.01 * (4 - n))
    with trace.get_tracer("shop").start_as_current_span(f"meeting {n}"):
        await asyncio.sleep(0)


@app.task(bind=True)
def grows(self):
    return self.replace(chain(add.s(1, 2), add.s(3)))
