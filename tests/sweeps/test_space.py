"""Which combination has which number, what a file of a sweep says, and what is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps.cases import space, trace_file

from hwsim import sweep
from hwsim.errors import HwsimError
from hwsim.sweep.file import read_space


def test_numbers_and_combinations_are_one_to_one(tmp_path):
    where = space(tmp_path, "adc.bits=5:8", "crossbar.rows=32,64", designs=("imc", "imc_sram"), seeds=(1, 2))
    assert len(where) == 4 + 2 * 2 * 4 * 2
    points = [where.point(number) for number in range(len(where))]
    assert [point.number for point in points] == list(range(len(where)))
    assert len({point[1:] for point in points}) == len(where)
    for point in points[where.n_references :]:
        assert where.number(point.design, point.trace, point.places) == point.number
    assert [where.settings(point) for point in points[:5]] == [(), (), (), (), ("adc.bits=5", "crossbar.rows=32")]
    assert where.named(points[0])["crossbar.rows"] == 64  # as its file says


def test_a_file_says_what_options_say(tmp_path):
    trace_file(tmp_path)
    (tmp_path / "mine.yaml").write_text("extends: imc\nadc: {bits: 7}\n")
    file = tmp_path / "sweep.yaml"
    file.write_text(
        """
designs: [imc, mine.yaml]
traces: drawn1.npz
set:
  skip: none
vary:
  crossbar.rows: [32, 64]
  adc:
    bits: 4:8
  early_exit.threshold: log(0.01, 0.9, 8)
  chip.replicate: [none, {fc1: 2}]
constraints: ["area_mm2 <= 4", accuracy >= 0.5]
minimize: energy_pj
samples: 2
"""
    )
    said = read_space(file)
    assert said.designs == ("imc", str(tmp_path / "mine.yaml"))
    assert said.traces == (tmp_path / "drawn1.npz",)
    assert said.overrides == ("skip=none",)
    assert [(axis.key, len(axis.values)) for axis in said.axes] == [
        ("crossbar.rows", 2),
        ("adc.bits", 5),
        ("early_exit.threshold", 8),
        ("chip.replicate", 2),
    ]
    assert said.axes[3].values == ("none", "{fc1: 2}")
    assert [str(each) for each in said.constraints] == ["area_mm2 <= 4", "accuracy >= 0.5"]
    assert (said.minimize, said.samples, said.accuracy) == (("energy_pj",), 2, False)
    where = sweep.space_of(said.designs, said.traces, said.axes, said.overrides)
    assert len(where) == 2 + 2 * 2 * 5 * 8 * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("designs: imc\ntraces: t.npz\nvery: {a: 1}", "sweep.yaml:3: unknown key 'very', known: "),
        ("designs: imc\ntraces: t.npz", "sweep.yaml:1: missing key 'vary'"),
        ("designs: imc\ntraces: t.npz\nvary: 3", "sweep.yaml:3: vary: must be a mapping of keys such as adc.bits"),
        ("designs: imc\ntraces: t.npz\nvary:\n  adc.bits: 8:4", "sweep.yaml:4: vary: adc.bits: a range goes upwards"),
        ("designs: imc\ntraces: t.npz\nvary:\n  adc.bits: []", "sweep.yaml:4: vary: adc.bits: is an empty list"),
        ("designs: 3\ntraces: t.npz\nvary: {a: 1}", "sweep.yaml:1: designs: must be text or a list of texts"),
        ("designs: imc\ntraces: t.npz\nvary: {a: 1}\nsamples: x", "sweep.yaml:4: samples: must be a whole number"),
        (
            "designs: imc\ntraces: t.npz\nvary: {a: 1}\nconstraints: area_mm <= 4",
            "sweep.yaml:4: constraints: unknown figure 'area_mm'",
        ),
        ("- a", "sweep.yaml:1: a sweep file is a mapping of keys to values"),
        ("designs: imc\ndesigns: imc", "sweep.yaml:2: designs: already given in line 1"),
    ],
)
def test_mistakes_in_a_file_have_their_line(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text(text + "\n")
    with pytest.raises(HwsimError) as raised:
        read_space(tmp_path / "sweep.yaml")
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (("adc.bit=4:8",), "--vary adc.bit: unknown key 'adc.bit'; did you mean 'bits'?"),
        (("adc.bits=4:8", "adc.bits=5"), "--vary adc.bits: is the same as, or part of, adc.bits"),
        (("adc.bits=4:8", "adc={bits: 5}"), "--vary adc: is the same as, or part of, adc.bits"),
        (("adc.bits=1:2000", "crossbar.rows=1:2000"), "--vary: 4,000,001 points, and at most 1,000,000"),
    ],
)
def test_axes_that_cannot_be_are_refused_before_anything_runs(tmp_path, axes, said):
    with pytest.raises(HwsimError) as raised:
        space(tmp_path, *axes)
    assert str(raised.value).startswith(said)


def test_computed_values_are_whole_where_a_key_takes_no_others(tmp_path):
    axes = ("adc.bits=lin(4,8,4)", "chip.crossbar_budget=log(10,20,4)", "clock.frequency_mhz=lin(100,101,3)")
    where = space(tmp_path, *axes, "crossbar.rows=32,64")
    assert [axis.values for axis in where.axes] == [
        ("4", "5", "7", "8"),
        ("10", "13", "16", "20"),
        ("100", "100.5", "101"),
        ("32", "64"),
    ]
    assert len(space(tmp_path, "adc.bits=lin(4,5,9)").axes[0].values) == 2
    assert space(tmp_path, "adc.bits=4,4.5").axes[0].values == ("4", "4.5")  # what is written is not changed


def test_what_rows_depend_on_is_in_the_identity(tmp_path):
    same = space(tmp_path).sha256
    others = [
        space(tmp_path, "adc.bits=4:8"),
        space(tmp_path, designs=("imc_sram",)),
        space(tmp_path, overrides=("skip=none",)),
        space(tmp_path, seeds=(2,)),
        space(tmp_path, samples=2),
        space(tmp_path, draws=5),
    ]
    assert same == space(tmp_path).sha256
    assert len({same, *(each.sha256 for each in others)}) == 7


LINES = st.sampled_from(
    """designs: imc|designs: [imc, 3]|traces: t.npz|traces: {a: b}|vary: {adc.bits: 4:8}|vary:|  a.b: [1, 2]|vary: 3
  a: {b: lin(1,2,3)}|  c: [[1], {d: 2}]|set: {x: y}|minimize: energy_pj|samples: 2|samples: -1.5e3|accuracy: true
constraints: area_mm2 <= 1|- a|x: &a 1|%YAML 1.1|\t|a.b.c.d.e: 1|  .: 1""".replace("\n", "|").split("|")
)


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_any_file_is_a_sweep_or_one_line(text):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        try:
            said = read_space(Path(file.name))
        except HwsimError as error:
            assert "\n" not in str(error)
            assert str(error).startswith(file.name)
        else:
            assert said.designs
            assert said.axes
