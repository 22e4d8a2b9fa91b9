"""What is counted of model servers elsewhere, by host and port. No text, no key."""

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ReplicaCollector(Collector):
    """`describe`: each server, as Replica.describe tells it."""

    def __init__(self, describe: Callable[[], list[dict[str, Any]]]) -> None:
        self._describe = describe

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "sovereign_replica_up", "Whether it is asked now", labels=["replica"]
        )
        running = GaugeMetricFamily(
            "sovereign_replica_running", "Our generations there", labels=["replica"]
        )
        answers = CounterMetricFamily(
            "sovereign_replica_answers",
            "Generations by how they ended there: done, cancelled or a code",
            labels=["replica", "end"],
        )
        first = GaugeMetricFamily(
            "sovereign_replica_first_token_seconds",
            "Until the first token of an answer there, the newest counting most",
            labels=["replica"],
        )
        for each in self._describe():
            name = str(each["name"])
            if each["first_seconds"]:
                first.add_metric([name], each["first_seconds"])
            up.add_metric([name], float(each["state"] == "ready"))
            running.add_metric([name], float(each["running"]))
            for end, count in each["answers"].items():
                answers.add_metric([name, end], count)
        return [up, running, answers, first]
