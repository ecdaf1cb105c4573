"""`make bench`: the confirmation latency at a steady rate, in total and by stage."""

from tests.bench import stages
from tests.bench.order_load import OrderLoad, run_benchmark
from tests.e2e.stack import Stack


async def measure(stack: Stack, orders: OrderLoad, rate: float, seconds: float) -> None:
    """Measure, print latencies and stages."""
    metrics = f"{stack.url}/metrics"
    before = stages.scrape(metrics)
    samples = await orders.run(rate, seconds)
    print(f"{rate:g} orders/s for {seconds:g} s: {dict(samples.statuses)}")
    print("p50 {:.0f} ms, p95 {:.0f} ms, p99 {:.0f} ms\n".format(*map(samples.quantile, (0.5, 0.95, 0.99))))
    print(stages.table(before, stages.scrape(metrics)))


if __name__ == "__main__":
    run_benchmark("tests.bench", __doc__, 50.0, measure)
