"""What a command does not import: a command waits for what it uses, and for nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

from hwsim import accelerators
from hwsim.arch import shipped

TRACES = Path(__file__).resolve().parents[2] / "traces"
COMMAND = """
import sys
from hwsim.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("modules", *sorted(sys.modules))
"""
CODINGS = {"ttfs", "sequence", "plastic"}
COMPILING = {"numba", "hwsim.kernels.compiler"}
COMPILED = COMPILING | {"llvmlite", "hwsim.kernels.cache", "hwsim.kernels.machine_code"}
PLAYING = {"simpy", "hwsim.run", "hwsim.report", "hwsim.effects", "hwsim.api"}
PROCESSES = {"multiprocessing", "loky", "subprocess", "hwsim.run.processes"}
DESIGNS = {"pydantic", "yaml", "hwsim.arch", "hwsim.accelerators", "hwsim.components", "hwsim.designs"}
DRAWING = {"hwsim.traces.network.standard", "hwsim.traces.direct.synth"}
EXPLAINING = {"hwsim.explanation", "hwsim.comparison", "hwsim.trace_events"}
SIMULATIONS = {
    "imc": ("mnist_dietsnn",),
    "digital": ("mnist_dietsnn",),
    "ttfs": ("mnist_ttfs",),
    "lstm": ("mnist_lstm",),
    "stdp": ("mnist_stdp", "--phase", "train"),
}


def imported(*arguments):
    """The modules that a command has imported when it ends."""
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def of_coding(*others):
    return {f"hwsim.traces.{coding}.trace" for coding in CODINGS - set(others)}


@pytest.mark.parametrize("arguments", [("--help",), ("simulate", "--help"), ("trace", "info", "--help")])
def test_help_imports_little_beside_click(arguments):
    modules = imported(*arguments)
    assert not modules & (COMPILED | PLAYING | PROCESSES | DESIGNS | {"numpy", "rich", "hwsim.traces", "hwsim.kernels"})
    assert {name for name in modules if name.startswith("hwsim.")} >= {"hwsim.cli", "hwsim.cli.simulate"}


@pytest.mark.parametrize("form", ["", "--full", "--json"])
@pytest.mark.parametrize(
    ("trace", "others"),
    [
        ("fashion_dietsnn", ()),
        ("mnist_rate", ()),
        ("mnist_ttfs", ("ttfs",)),
        ("mnist_lstm", ("sequence",)),
        ("mnist_stdp", ("plastic",)),
    ],
)
def test_looking_into_a_trace_imports_its_coding_alone(trace, others, form):
    modules = imported("trace", "info", TRACES / f"{trace}.npz", *form.split())
    assert {f"hwsim.traces.{coding}.trace" for coding in others} <= modules
    assert not modules & (COMPILED | PLAYING | PROCESSES | DESIGNS | of_coding(*others))


@pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are not kept")
def test_metrics_need_no_compiler():
    arguments = ("trace", "info", TRACES / "mnist_rate.npz", "--metrics", "json")
    imported(*arguments)  # compiles what was not compiled before
    assert not imported(*arguments) & (COMPILING | PLAYING | PROCESSES | DESIGNS | of_coding() | {"rich"})


def test_drawing_a_trace_imports_no_design(tmp_path):
    out = tmp_path / "trace.npz"
    modules = imported(*f"trace synth mlp:20-12-5 {out} --timesteps 3 --samples 2 --rate 0.3".split())
    assert not modules & (COMPILED | PLAYING | PROCESSES | DESIGNS | {"rich"} | {"hwsim.traces.plastic.trace"})


@pytest.mark.parametrize("command", ["list", "show", "check", "schema"])
def test_designs_import_nothing_that_plays(command):
    names = {"list": [], "check": shipped(), "schema": ["imc"], "show": ["imc"]}[command]
    modules = imported("arch", command, *names)
    assert not modules & (COMPILED | PLAYING | PROCESSES)
    assert ("rich" in modules) == (command == "show")
    assert ("pydantic" in modules) == (command != "list")
    assert ("numpy" in modules) == (command == "check")  # machines that have quantities of traces in their prices
    if command in ("show", "schema"):
        others = set(SIMULATIONS) - {"imc"}
        assert not modules & {f"hwsim.accelerators.{machine}" for machine in others}


def test_every_machine_has_a_simulation_here():
    assert set(SIMULATIONS) == {name for name in accelerators.names() if name in accelerators._own()}


@pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are not kept")
@pytest.mark.parametrize("machine", SIMULATIONS)
def test_a_simulation_imports_its_machine_and_no_compiler(machine):
    trace, *options = SIMULATIONS[machine]
    arguments = ("simulate", machine, TRACES / f"{trace}.npz", "--samples", "1", "--accuracy-samples", "0", *options)
    imported(*arguments)  # compiles what was not compiled before
    modules = imported(*arguments, "--quiet")
    assert {f"hwsim.accelerators.{machine}", "hwsim.engine.compiled_engine", "llvmlite"} <= modules
    others = {f"hwsim.accelerators.{other}" for other in set(SIMULATIONS) - {machine}}
    of_others = of_coding(*{"ttfs": ["ttfs"], "lstm": ["sequence"], "stdp": ["plastic"]}.get(machine, []))
    assert not modules & (
        COMPILING | PROCESSES | DRAWING | others | of_others | {"simpy", "rich", "hwsim.report.file"} | EXPLAINING
    )


@pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are not kept")
@pytest.mark.parametrize("option", ["--functional", "--baseline=qann", "--set=adc.bits=7"])
def test_no_option_needs_the_compiler(option):
    arguments = ("simulate", "imc", TRACES / "mnist_dietsnn.npz", "--samples", "1", option)
    imported(*arguments)
    assert not imported(*arguments) & (COMPILING | PROCESSES | {"simpy"})


@pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are not kept")
@pytest.mark.parametrize("words", ["explain imc example energy", "compare imc imc --trace example"])
def test_explaining_and_comparing_do_without_each_other_and_the_compiler(words):
    arguments = (*words.split(), "--samples", "1")
    imported(*arguments)
    modules = imported(*arguments)
    own = {"explain": "hwsim.explanation", "compare": "hwsim.comparison"}[arguments[0]]
    assert modules & EXPLAINING == {own}
    assert not modules & (COMPILING | PROCESSES | {"simpy", "hwsim.sweep", "hwsim.advice"})


def test_modules_of_the_library_need_no_import_of_their_own():
    """As guides name them: `hwsim.sweep.load`, `hwsim.make.events`, `hwsim.view.plots`, `hwsim.traces.Provenance`."""
    script = (
        "import sys, hwsim; assert not [name for name in sys.modules if name.startswith('hwsim.sweep')]\n"
        "for name in ('sweep.load', 'make.events', 'view.plots.pareto', 'traces.Provenance', 'oracle.Oracle'):\n"
        "    found = hwsim\n"
        "    for part in name.split('.'): found = getattr(found, part)\n"
        "    assert callable(found), name\n"
        "assert {'sweep', 'simulate'} <= set(dir(hwsim))\n"
        "try: hwsim.swep\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "module 'hwsim' has no attribute 'swep'\n"), done.stderr
