"""Do 95 % intervals cover the truth in 95 of 100 repetitions? Simulated, clustered data included.

    python -m eval.benchmarks.coverage [--runs 2000]

Each scenario draws a question set again and again from a world whose truth is known: documents with about five
questions each, where the questions of a document have the given ``correlation``. Prints a Markdown table; the exit code
is 1 when a scenario covers less or more than it is allowed to: 93 to 97 %, or 86 to 98.5 % where shares lie near 1 or
clustering is very strong, since the few documents with failures do not tell how much these cluster.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eval.judge_check import Agreement, JudgeCheck, corrected
from eval.stats import Estimate, mean, share

QUESTIONS_PER_DOCUMENT = 5
ALLOWED = (0.93, 0.97)
ALLOWED_NEAR_ONE = (0.86, 0.985)


@dataclass(frozen=True, slots=True)
class Scenario:
    """``draw`` returns the interval of one simulated question set; ``allowed`` are the least and the most coverage."""

    name: str
    truth: float
    draw: Callable[[np.random.Generator], Estimate]
    allowed: tuple[float, float] = ALLOWED


def scenarios() -> Iterator[Scenario]:
    for documents in (20, 30):
        for truth in (0.6, 0.9, 0.95, 0.97):
            for correlation in (0.0, 0.1, 0.2, 0.4):
                world = f"{documents} documents, truth {truth}, correlation {correlation}"
                allowed = ALLOWED if truth <= 0.9 and correlation <= 0.2 else ALLOWED_NEAR_ONE
                for parts, kind in ((1, "yes or no"), (4, "graded")):
                    draw = _share(documents, truth, correlation, parts)
                    yield Scenario(f"share, {kind}: {world}", truth, draw, allowed)
    for correlation in (0.0, 0.2):
        world = f"30 documents, correlation {correlation}"
        yield Scenario(f"mean of lengths: {world}", math.exp(0.125), _mean(30, correlation))
        yield Scenario(f"paired difference of shares: {world}", 0.08, _paired(30, correlation))
    for sensitivity, specificity in ((0.9, 0.9), (0.75, 0.8)):
        for judged in (1.0, 0.7):
            name = f"corrected share: judge {sensitivity} / {specificity}, {judged:.0%} judged"
            yield Scenario(name, 0.8 * judged, _corrected(0.8, sensitivity, specificity, judged))


def coverage(scenario: Scenario, runs: int) -> float:
    """The share of simulated runs whose interval holds the truth."""
    generator = np.random.default_rng(1)
    estimates = (scenario.draw(generator) for _ in range(runs))
    return sum(estimate.low <= scenario.truth <= estimate.high for estimate in estimates) / runs


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.coverage")
    parser.add_argument("--runs", type=int, default=2000, help="simulated question sets per scenario")
    runs = parser.parse_args(arguments).runs
    sys.stdout.write("| interval | covers |\n|---|---|\n")
    outside = False
    for scenario in scenarios():
        covered = coverage(scenario, runs)
        outside |= not scenario.allowed[0] <= covered <= scenario.allowed[1]
        sys.stdout.write(f"| {scenario.name} | {covered:.1%} |\n")
        sys.stdout.flush()
    return int(outside)


def _share(documents: int, truth: float, correlation: float, parts: int) -> Callable[[np.random.Generator], Estimate]:
    """Beta-binomial: each document has a probability of its own; a question's value is the share of its ``parts`` that
    are right.

    ``correlation`` is that of two questions of a document; that of two parts follows from it.
    """
    of_parts = correlation / (parts - (parts - 1) * correlation)

    def draw(generator: np.random.Generator) -> Estimate:
        clusters = _clusters(generator, documents)
        probabilities = np.full(documents, truth)
        if of_parts:
            strength = 1 / of_parts - 1
            probabilities = generator.beta(truth * strength, (1 - truth) * strength, documents)
        values = generator.binomial(parts, probabilities[clusters]) / parts
        return share(values.tolist(), clusters.tolist())

    return draw


def _mean(documents: int, correlation: float) -> Callable[[np.random.Generator], Estimate]:
    """Log-normal with a standard deviation of 0.5 in the logarithm; questions of a document have this correlation."""

    def draw(generator: np.random.Generator) -> Estimate:
        clusters = _clusters(generator, documents)
        common = generator.normal(0, 0.5 * math.sqrt(correlation), documents)[clusters]
        own = generator.normal(0, 0.5 * math.sqrt(1 - correlation), len(clusters))
        return mean(np.exp(common + own).tolist(), clusters.tolist())

    return draw


def _paired(documents: int, correlation: float) -> Callable[[np.random.Generator], Estimate]:
    """The new system turns 14 % of the questions right and 6 % wrong, in some documents more than in others."""

    def draw(generator: np.random.Generator) -> Estimate:
        clusters = _clusters(generator, documents)
        probabilities = np.full(documents, 0.2)
        if correlation:
            strength = 1 / correlation - 1
            probabilities = generator.beta(0.2 * strength, 0.8 * strength, documents)
        changed = generator.random(len(clusters)) < probabilities[clusters]
        better = generator.random(len(clusters)) < 0.7
        differences = np.where(changed, np.where(better, 1, -1), 0)
        return mean(differences.tolist(), clusters.tolist())

    return draw


def _corrected(
    truth: float, sensitivity: float, specificity: float, judged: float
) -> Callable[[np.random.Generator], Estimate]:
    """150 sentences, of which the share ``judged`` has citations and, of these, the share ``truth`` is supported; and a
    judge whose error rates were measured on 200 supported and 200 unsupported pairs."""
    observed = truth * sensitivity + (1 - truth) * (1 - specificity)

    def draw(generator: np.random.Generator) -> Estimate:
        seen = generator.random(150) < judged
        found = seen & (generator.random(150) < observed)
        positive, negative = (
            Estimate(generator.binomial(200, rate) / 200, 0, 1, 200) for rate in (sensitivity, specificity)
        )
        check = JudgeCheck("", Agreement(400, 0, positive, negative, None), {}, {}, {}, (), 200, 200)
        estimate = corrected(found.astype(float).tolist(), seen.astype(float).tolist(), range(150), check)
        assert estimate
        return estimate

    return draw


def _clusters(generator: np.random.Generator, documents: int) -> np.ndarray:
    """The document of each question; every document has at least one."""
    sizes = np.maximum(1, generator.poisson(QUESTIONS_PER_DOCUMENT, documents))
    return np.repeat(np.arange(documents), sizes)


if __name__ == "__main__":
    sys.exit(main())
