"""Draw the pictures of docs/gallery.md anew from shipped traces, and write the page.

    python tools/gallery.py

Every picture is made by the commands that stand beside it; the same versions give the same bytes.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE, FOLDER = ROOT / "docs" / "gallery.md", ROOT / "docs" / "gallery"


class Picture(NamedTuple):
    """One picture: its file, what is drawn of which files, and what can be seen on it."""

    file: str
    words: str
    says: str


class Section(NamedTuple):
    """Pictures of what some commands give first."""

    title: str
    first: Sequence[str]
    pictures: Sequence[Picture]


MNIST = "traces/mnist_dietsnn.npz"
EXITS = "--occupancy --exit-curve curve.json --accuracy-samples 0 --quiet"
SECTIONS = (
    Section(
        "In-memory computing",
        [f"hwsim simulate imc_sram traces/fashion_dietsnn.npz --samples 16 {EXITS} --json imc.json"],
        [
            Picture("energy.svg", "plot imc.json", "Energy by component and by layer; hatched parts leak."),
            Picture(
                "timesteps.svg", "plot imc.json --figure timesteps", "Energy that each timestep adds, and accuracy."
            ),
            Picture("rates.svg", "plot imc.json --figure rates", "Spike rates against energy."),
            Picture("exit.png", "plot imc.json --figure exit", "Early exit over its threshold."),
            Picture("floor.svg", "plot imc.json --figure floor", "Tiles by energy, links by what they carry."),
            Picture("roofline.svg", "plot imc.json --figure roofline", "Operations a conversion against limits."),
            Picture("timeline.png", "plot imc.json --figure timeline", "Stages while the first sample runs."),
        ],
    ),
    Section(
        "A digital array",
        ["hwsim simulate digital traces/mnist_dietsnn.npz --samples 8 --occupancy --quiet --json digital.json"],
        [
            Picture("digital-energy.svg", "plot digital.json", "DRAM takes most, for the weights of one layer."),
            Picture("digital-roofline.svg", "plot digital.json --figure roofline", "Two layers wait for the buffer."),
            Picture("digital-stalls.svg", "plot digital.json --figure stalls", "What stages wait for."),
            Picture("digital-timeline.png", "plot digital.json --figure timeline", "Layer after layer."),
            Picture("digital-floor.svg", "plot digital.json --figure floor", "Parts by area and energy."),
        ],
    ),
    Section(
        "First spikes, sequences and learning",
        [
            "hwsim simulate ttfs traces/mnist_ttfs_deep.npz --samples 8 --occupancy --quiet --json ttfs.json",
            "hwsim simulate lstm traces/mnist_lstm.npz --samples 4 --occupancy --quiet --json lstm.json",
            "hwsim simulate stdp traces/mnist_stdp.npz --samples 8 --quiet --json stdp.json",
        ],
        [
            Picture("ttfs-energy.svg", "plot ttfs.json", "A first-spike core."),
            Picture("ttfs-timeline.svg", "plot ttfs.json --figure timeline", "Its layers, window after window."),
            Picture("lstm-energy.svg", "plot lstm.json", "A spiking LSTM."),
            Picture("lstm-timeline.png", "plot lstm.json --figure timeline", "Its cells as a wavefront."),
            Picture("stdp-energy.svg", "plot stdp.json --run train", "A core that learns, while it learns."),
        ],
    ),
    Section(
        "Several designs",
        [
            *(
                f"hwsim simulate {name} {MNIST} --samples 8 --accuracy-samples 0 --quiet --json {name}.json"
                for name in ("imc", "imc_sram", "digital_on_chip", "digital")
            ),
            f"hwsim sweep imc {MNIST} --vary crossbar.rows=32,64,128 --vary adc.bits=6:8"
            " --vary adc.columns_per_adc=4,8,16 --samples 4 --out runs.jsonl --quiet --jobs 1",
        ],
        [
            Picture(
                "compare.svg", "plot imc.json imc_sram.json digital_on_chip.json digital.json", "One network on four."
            ),
            Picture("pareto.svg", "plot runs.jsonl --x area_mm2 --y latency_ns", "A sweep and its front."),
        ],
    ),
    Section(
        "Chips that were built",
        ["python tools/validate.py eyeriss chipmunk odin reckon --json rows.json"],
        [Picture("validation.svg", "plot rows.json --figure validation", "Predictions over published figures.")],
    ),
    Section(
        "Traces",
        [],
        [
            Picture("spikes-events.png", "trace plot traces/events_digits.npz", "Spikes over 20 timesteps."),
            Picture("spikes-ttfs.png", "trace plot traces/mnist_ttfs_deep.npz", "First spikes."),
            Picture("spikes-lstm.png", "trace plot traces/mnist_lstm.npz", "Gates of an LSTM over cell steps."),
        ],
    ),
)


def command(picture: Picture) -> str:
    """The command that draws a picture in the folder of the gallery."""
    return f"hwsim {picture.words} -o docs/gallery/{picture.file}"


def page() -> str:
    """The gallery as Markdown: commands, then pictures with what they show."""
    lines = [
        "# Gallery",
        "",
        "Every picture is drawn from traces that ship with hwsim, by the commands beside it; `python tools/gallery.py`",
        "runs them all and writes this page. What pictures hold says the [guide](guides/pictures.md).",
    ]
    for section in SECTIONS:
        commands = [*section.first, *map(command, section.pictures)]
        lines += ["", f"## {section.title}", "", "```", *commands, "```"]
        for picture in section.pictures:
            lines += ["", f"![{picture.says}](gallery/{picture.file})", "", picture.says]
    return "\n".join(lines) + "\n"


def draw(section: Section, place: Path) -> None:
    """Run the commands of a section in a folder, with the pictures going to the gallery."""
    (place / "docs").mkdir(exist_ok=True)
    for name, target in (("traces", ROOT / "traces"), ("docs/gallery", FOLDER)):
        if not (place / name).exists():
            (place / name).symlink_to(target)
    for words in [*section.first, *map(command, section.pictures)]:
        print(words, flush=True)
        program, *arguments = shlex.split(words)
        script = ["-m", "hwsim"] if program == "hwsim" else [str(ROOT / arguments.pop(0))]
        called = [sys.executable, *script, *arguments]
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        subprocess.run(
            called, cwd=place, check=True, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.DEVNULL
        )


def main() -> None:
    """Draw all, and remove what is drawn no more."""
    FOLDER.mkdir(exist_ok=True)
    drawn = {picture.file for section in SECTIONS for picture in section.pictures}
    for old in FOLDER.iterdir():
        if old.name not in drawn:
            old.unlink()
    with tempfile.TemporaryDirectory() as place:
        for section in SECTIONS:
            draw(section, Path(place))
    PAGE.write_text(page())
    size = sum(file.stat().st_size for file in FOLDER.iterdir())
    print(f"{PAGE.relative_to(ROOT)}: {len(drawn)} pictures, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
