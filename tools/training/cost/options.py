"""The command line of the tool that trains with a term for costs."""

from __future__ import annotations

import argparse
from pathlib import Path

from hwsim.errors import UsageError
from training.common.options import Parser, above_zero, check_output, positive
from training.cost.terms import check_term

TERMS = ("imc:energy_pj", "imc:energy_pj:shared", "digital:edp_pj_ns", "spikes", "synapses")
WEIGHTS = (0.03, 0.1, 0.3, 1.0, 3.0)
BUDGETS = (0.8, 0.6)


def parser(description: str) -> Parser:
    """The options of the tool."""
    p = Parser(description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add, none = p.add_argument, argparse.SUPPRESS
    add("--data", type=Path, default=none, help=".npz with x_train, y_train, x_test, y_test, or idx folder")
    add("--out", type=Path, default=none, help="journal, .jsonl: a line a setting; a run that was stopped goes on")
    add("--table", type=Path, metavar="JOURNAL", default=none, help="print the tables of a journal, and train nothing")
    add("--start", type=Path, default=Path("traces/fashion_dietsnn.npz"), help="trace of the network to train on")
    add("--terms", nargs="+", metavar="TERM", default=TERMS, help="spikes, synapses, or MACHINE:FIGURE[:shared]")
    add(
        "--weights", nargs="+", type=above_zero, default=WEIGHTS, help="of a term, in what the start's spikes are worth"
    )
    add("--seeds", nargs="+", type=positive, default=(1, 2, 3), help="which images are learned from, in which order")
    add("--machines", nargs="+", default=("imc", "digital"), help="that every network is played on")
    add("--bits", metavar="MACHINE", default=none, help="instead of spikes, learn weight bits by layer on this machine")
    add("--budgets", nargs="+", type=above_zero, default=BUDGETS, help="with --bits: energy, in shares of the start's")
    add("--images", type=positive, default=0, help="to learn from, once (default: all, which is an epoch)")
    add("--batch", type=positive, default=128, help="images of a step")
    add("--rate", type=above_zero, default=1e-2, help="peak learning rate, of weights in steps")
    add("--every", type=positive, default=4, help="steps from one batch that a machine's term plays to the next")
    add("--shift", type=int, choices=range(5), default=1, help="augmentation: pixels each way")
    add("--no-flip", dest="flip", action="store_false", help="augmentation without left-right (for digits)")
    add("--held-out", type=positive, default=5000, help="training samples kept: as when the start was trained")
    add("--judged", type=positive, default=0, help="held-out and test samples of the accuracy (default: all)")
    add("--priced", type=positive, default=64, help="test samples whose spikes are played")
    add("--bf16", action="store_true", help="train with products in bfloat16, where a CPU is faster so")
    add("--jobs", type=positive, default=1, help="settings at once, each with one thread")
    return p


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for what would only fail later."""
    options.table, options.bits = getattr(options, "table", None), getattr(options, "bits", None)
    if options.table is not None:
        return
    for name in ("data", "out"):
        if not hasattr(options, name):
            raise UsageError(f"--{name}: is needed, unless --table prints a journal")
    check_output("--out", options.out, ".jsonl", options.data)
    options.terms = [check_term(name) for name in options.terms]
    if options.bits and options.bits not in options.machines:
        raise UsageError(f"--bits {options.bits}: wanted one of --machines, which are {', '.join(options.machines)}")
