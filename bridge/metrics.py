"""The bridge's figures in Prometheus's words, gathered when they are asked for.

Kinds are the only labels: a room, a group or a person among them would tell whoever reads a dashboard who meets when.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.counts import Counts
from bridge.vitals import LOOPS, Vitals
from facilitator.figures import Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Facts:
    """What one answer is made of. `figures`: None while the database does not answer; `held`: whether this process
    holds the account's lease."""

    vitals: Vitals
    figures: Figures | None
    held: bool


def exposition(facts: Facts) -> bytes:
    """The answer to one scrape. A registry of its own each time: what is not known now is left out, never old."""
    registry = CollectorRegistry()
    ProcessCollector(namespace="hearth", registry=registry)
    registry.register(_Once(_families(facts)))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: Iterator[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(facts: Facts) -> Iterator[Metric]:
    yield from _of_the_process(facts)
    if facts.vitals.client is not None:
        yield from _of_the_homeserver(facts.vitals.client.counts)
    if facts.figures is not None:
        yield from _of_the_database(facts.figures)


def _of_the_process(facts: Facts) -> Iterator[Metric]:
    vitals = facts.vitals
    yield _gauge("ready", "1 when the bridge runs, hears and its device is signed.", not vitals.not_ready())
    yield _gauge("device_signed", "1 when the server shows our device signed by our identity.", vitals.signed)
    yield _gauge("lease_held", "1 when this process holds the bot account.", facts.held)
    yield _gauge("database_up", "1 when the database answered.", facts.figures is not None)
    ages = {name: vitals.age_of(name).total_seconds() for name in LOOPS}
    yield _gauges("loop_age_seconds", "Since the loop last finished a pass, or since the start.", "loop", ages)


def _of_the_homeserver(counts: Counts) -> Iterator[Metric]:
    yield _counter("requests", "Requests to the homeserver by what came of them.", "outcome", counts.answered)
    yield _counter("rate_limited", "Refusals for haste (429) by kind of request.", "kind", counts.limited)
    yield _counter("malformed", "What was dropped because it was malformed.", "kind", counts.malformed)
    yield CounterMetricFamily(
        "hearth_undecryptable_events", "Events whose key was lacking when they came.", value=counts.unread
    )
    if counts.one_time_keys is not None:
        yield _gauge("one_time_keys", "One-time keys the server holds for us.", counts.one_time_keys)


def _of_the_database(figures: Figures) -> Iterator[Metric]:
    numbers = {priority.name.lower(): waiting.number for priority, waiting in figures.waiting.items()}
    ages = {priority.name.lower(): waiting.oldest.total_seconds() for priority, waiting in figures.waiting.items()}
    yield _gauges("acts_waiting", "Acts not said yet.", "priority", numbers)
    yield _gauges("acts_oldest_seconds", "Since the oldest act not said yet fell due.", "priority", ages)
    yield _gauges("acts_settled", "Acts in the outbox by outcome.", "outcome", figures.settled)
    yield _gauges("rooms", "Rooms that should exist by their trouble.", "trouble", figures.rooms)
    yield _gauges("encryption_health", "People in rooms by whether they and the bot can read.", "state", figures.health)
    yield _gauge("unread_events", "Events kept until their key comes.", figures.unread)
    yield _gauge("events_set_aside", "Events left alone after three tries.", figures.set_aside)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"hearth_{name}", about, value=float(value))


def _gauges(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"hearth_{name}", about, labels=[label])
    for kind, value in sorted(values.items()):
        family.add_metric([kind], value)
    return family


def _counter(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"hearth_{name}", about, labels=[label])
    for kind, value in sorted(values.items()):
        family.add_metric([kind], value)
    return family
