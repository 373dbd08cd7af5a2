"""How many simulated samples a second: `python benchmarks/simulation.py --workers 2`.

A sample is a query with one reference, as training and evaluation draw them. The first few are not counted: they wait
for the processes to start.
"""

from __future__ import annotations

import argparse
import time

from anomalygpt.datasets.simulated import SimulatedSamples

FIRST = 20


def main() -> None:
    """Prints the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=78)
    given = parser.parse_args()
    samples = iter(SimulatedSamples(FIRST + given.count, given.seed, given.size).parallel(given.workers))
    for _ in range(FIRST):
        next(samples)
    began = time.monotonic()
    count = sum(1 for _ in samples)
    print(f"{count / (time.monotonic() - began):.1f} samples a second of {given.size} px, {given.workers} processes")


if __name__ == "__main__":
    main()
