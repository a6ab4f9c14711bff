"""All settings: which are not done yet, each in a process of its own, a line in the journal for each."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cached_property
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

from hwsim.errors import UsageError
from training.common.data import Images, digest, hold_out, load_images, stratified
from training.common.loop import TensorImages, accuracy
from training.common.progress import say
from training.cost import prices
from training.cost.journal import Journal, Line
from training.cost.terms import NONE, MachineTerm, Terms
from training.cost.tuning import Recipe, tune
from training.dietsnn.quantise import QuantNetwork
from training.dietsnn.start import network_of_trace, read_start

SPLIT_SEED = 1
"""Of the held-out samples, which all seeds share: the start was chosen on the same."""
TUNED, START, SPIKELESS = "tuned", "start", "spikeless"


class Bench:
    """Data and start of all settings, as a process has them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.start = read_start(options.start)
        if not any(self.start.spike_rates().values()):
            raise UsageError(f"--start {options.start}: none of its recorded samples has a spike")
        train, test = load_images(options.data)
        training, held = hold_out(train, options.held_out, SPLIT_SEED)
        self.data = digest(train, test)
        images = min(options.images or len(training), len(training))
        self.recipe = Recipe(images, options.batch, options.rate, options.shift, options.flip, options.bf16)
        self.training = TensorImages.of(training, "cpu")
        judged = _some(test, options.judged)
        self.priced = judged.take(np.arange(min(options.priced, len(judged))))
        self.held, self.test = (TensorImages.of(each, "cpu") for each in (_some(held, options.judged), judged))

    @cached_property
    def terms(self) -> Terms:
        """Those of the start."""
        return Terms(self.start, self.network, self.options.every)

    @property
    def network(self) -> QuantNetwork:
        """The start, anew."""
        return network_of_trace(self.start)

    def said(self) -> Line:
        """What is the same of all settings."""
        recipe = self.recipe
        return {
            "start": self.options.start.name,
            "start_sha256": hashlib.sha256(self.options.start.read_bytes()).hexdigest(),
            "data_sha256": self.data,
            "images": recipe.images,
            "batch": recipe.batch,
            "rate": recipe.rate,
            "shift": recipe.shift,
            "flip": recipe.flip,
            "bf16": recipe.bf16,
            "every": self.options.every,
            "held_out": self.options.held_out,
            "judged": [len(self.held.y), len(self.test.y)],
            "priced": len(self.priced),
            "machines": list(self.options.machines),
            "torch": torch.__version__,
        }

    def judge(self, network: QuantNetwork) -> Line:
        """Accuracies at the last timestep, activity and costs."""
        trace = prices.trace_of(network, self.priced)
        return {
            "held_accuracy": accuracy(network, self.held)[-1],
            "test_accuracy": accuracy(network, self.test)[-1],
            **prices.activity(network, trace),
            "costs": prices.priced(trace, self.options.machines),
        }

    def tuned(self, setting: Line) -> Line:
        """What comes of a setting."""
        network, name = self.network, setting["term"]
        term = None if name == NONE else self.terms(name)
        tune(network, self.recipe, setting["seed"], self.training, term, setting["weight"])
        drift = {"drift": term.drift} if isinstance(term, MachineTerm) else {}
        return {**setting, **self.judge(network), **drift}

    def of_start(self) -> Iterator[Line]:
        """What the start costs, and what it costs without a spike."""
        trace = prices.trace_of(self.network, self.priced)
        yield {"kind": SPIKELESS, "costs": prices.priced(prices.spikeless(trace), self.options.machines)}
        yield {"kind": START, **self.judge(self.network)}


def _some(images: Images, n: int) -> Images:
    """Some samples, or all of them for 0, in an order that is drawn."""
    return images.take(stratified(images.y, min(n or len(images), len(images)), SPLIT_SEED))


def settings(options: argparse.Namespace) -> Iterator[Line]:
    """A seed after another, so that what is stopped early has all weights of some seeds."""
    for seed in options.seeds:
        yield {"kind": TUNED, "term": NONE, "weight": 0.0, "seed": seed}
        for weight in sorted(options.weights, reverse=True):
            for term in options.terms:
                yield {"kind": TUNED, "term": term, "weight": weight, "seed": seed}


def run(options: argparse.Namespace, command: str) -> None:
    """Every setting that the journal has not."""
    torch.set_num_threads(1)
    bench = Bench(options)
    journal = Journal(options.out, bench.said())
    if not journal.has({"kind": START}):
        for line in bench.of_start():
            journal.add(line)
            say(shown(line))
    work: Callable[[Bench, Line], Line] = Bench.tuned
    wanted = settings(options)
    if options.bits:
        from training.cost import bits

        wanted, work = bits.settings(options, bench.network.precision.weight_bits), bits.learned
    for line in done(options, [each for each in wanted if not journal.has(each)], work, bench):
        journal.add(line)
        say(shown(line))


def done(
    options: argparse.Namespace, wanted: Iterable[Line], work: Callable[[Bench, Line], Line], bench: Bench
) -> Iterator[Line]:
    """What comes of settings, as they are done."""
    if options.jobs == 1:
        yield from (work(bench, each) for each in wanted)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, _prepare, (options,)) as pool:
        for future in as_completed([pool.submit(_work, work, each) for each in wanted]):
            yield future.result()


_bench: list[Bench] = []


def _prepare(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    _bench.append(Bench(options))


def _work(work: Callable[[Bench, Line], Line], setting: Line) -> Line:
    return work(_bench[0], setting)


def shown(line: Line) -> str:
    """A line of the journal for a terminal."""
    named = ("kind", "term", "weight", "budget", "bits", "seed")
    words: list[Any] = [f"{name} {line[name]}" for name in named if name in line]
    for name in ("held_accuracy", "test_accuracy"):
        if name in line:
            words.append(f"{name} {100 * line[name]:.2f} %")
    for machine, figures in line["costs"].items():
        words.append(f"{machine} {figures['energy_pj'] / 1e6:.4g} uJ {figures['latency_ns'] / 1e3:.4g} us")
    return ", ".join(words)
