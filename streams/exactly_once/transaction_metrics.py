"""Metrics of transactions."""

from schemas import metrics
from streams.exactly_once.micro_batch import MicroBatch


def observe_phase(phase: str, seconds: float) -> None:
    """Observe how long one phase of a transaction took."""
    metrics.transaction_phase.labels(phase).observe(seconds)


def observe_committed(batch: MicroBatch) -> None:
    """Count a committed batch, and its messages by their results."""
    metrics.transactions.labels("committed").inc()
    metrics.transaction_commands.observe(batch.processed)
    for result, count in batch.results.items():
        metrics.commands.labels(result).inc(count)
    metrics.commands.labels("skipped").inc(batch.skipped)
