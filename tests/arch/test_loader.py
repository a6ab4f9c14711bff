from __future__ import annotations

import pytest
from arch.machines import VALID, load_text, refusal, spec_for

from hwsim.arch import load
from hwsim.arch.files import MAX_PARENTS
from hwsim.arch.yaml_text import MAX_BYTES
from hwsim.errors import ArchitectureError


def test_a_valid_file_becomes_a_typed_specification(tmp_path):
    loaded = load_text(tmp_path, VALID)
    assert loaded.machine == "toy"
    assert loaded.spec.clock_mhz == 250.0
    assert isinstance(loaded.spec.clock_mhz, float)
    assert loaded.spec.sizes == (1, 2, 3)
    energy = loaded.spec.converter.energy_pj
    assert (energy.value, energy.low, energy.high) == (2.0, 1.5, 3.0)
    assert loaded.spec.spare is None
    assert loaded.overrides == ()


def test_the_place_of_every_key_is_known(tmp_path):
    loaded = load_text(tmp_path, VALID, "exit.overlap=false", "sizes.1=7")
    name = f"{tmp_path}/toy.yaml"
    assert loaded.places["converter.bits"] == f"{name}:9"
    assert loaded.places["converter.energy_pj.low"] == f"{name}:11"
    assert loaded.places["exit.overlap"] == "--set exit.overlap=false"
    assert loaded.place("converter.bits") == f"{name}:9"
    assert loaded.place("converter.nothing.below") == f"{name}:7"
    assert loaded.place("drift") == name
    assert loaded.spec.sizes == (1, 7, 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bits: 4", "bits: -4", "toy.yaml:9: converter.bits: must be at least 1, got -4"),
        ("bits: 4", "bits: 17", "toy.yaml:9: converter.bits: must be at most 16, got 17"),
        ("bits: 4", 'bits: "4"', "toy.yaml:9: converter.bits: must be a whole number, got '4'"),
        ("bits: 4", "bits: 4.0", "toy.yaml:9: converter.bits: must be a whole number, got 4.0"),
        ("bits: 4", "bits: true", "toy.yaml:9: converter.bits: must be a whole number, got true"),
        ("bits: 4", "bits: [4]", "toy.yaml:9: converter.bits: must be a whole number, got a list"),
        (
            "bits: 4",
            "bit: 4",
            "toy.yaml:9: unknown key 'converter.bit'; did you mean 'converter.bits'? (and 1 other fault)",
        ),
        ("  bits: 4\n", "", "toy.yaml:7: converter: missing key 'bits'"),
        ("law: sar", "law: sra", "toy.yaml:10: converter.law: must be 'sar' or 'flash', got 'sra'"),
        ("clock_mhz: 250", "clock_mhz: 0", "toy.yaml:4: clock_mhz: must be more than 0, got 0"),
        ("clock_mhz: 250", "clock_mhz: true", "toy.yaml:4: clock_mhz: must be a number, got true"),
        ("clock_mhz: 250\n", "", "toy.yaml:2: missing key 'clock_mhz'"),
        ("clock_mhz", "clok_mhz", "toy.yaml:4: unknown key 'clok_mhz'; did you mean 'clock_mhz'? (and 1 other fault)"),
        ("overlap: true", "overlap: on", "toy.yaml:15: exit.overlap: must be true or false, got 'on'"),
        ("overlap: true", "overlap: null", "toy.yaml:15: exit.overlap: null removes"),
        ("overlap: true", "overlap: 1", "toy.yaml:15: exit.overlap: must be true or false, got 1"),
        (
            "threshold: 0.5",
            "threshold: nver",
            "toy.yaml:14: exit.threshold: must be a number or 'never' or 'always', got 'nver'",
        ),
        ("[1, 2, 3]", "[1, x, 3]", "toy.yaml:5: sizes.1: must be a whole number, got 'x'"),
        ("[1, 2, 3]", "7", "toy.yaml:5: sizes: must be a list, got 7"),
        ("low: 1.5", "low: 2.5", "toy.yaml:11: converter.energy_pj: low <= value <= high must hold, got 2.5, 2, 3"),
        ("low: 1.5", "low: -1", "toy.yaml:11: converter.energy_pj: must be at least 0, got -1"),
        (
            "low: 1.5",
            "lw: 1.5",
            "toy.yaml:11: unknown key 'converter.energy_pj.lw'; did you mean 'converter.energy_pj.low'? "
            "(and 1 other fault)",
        ),
        (
            "{value: 2.0, low: 1.5, high: 3}",
            "cheap",
            "toy.yaml:11: converter.energy_pj: must be a number or {value, low, high}, got 'cheap'",
        ),
        ("source: our choice\n  bits", "source: ''\n  bits", "toy.yaml:8: converter.source: must be text that is not"),
        ("machine: toy", "machine: tou", "toy.yaml:2: machine: unknown machine 'tou'; did you mean 'toy'?"),
        ("machine: toy", "machine: 3", "toy.yaml:2: machine: must be a name"),
        ("machine: toy\n", "", "toy.yaml:2: missing key 'machine'"),
        ("bits: 4", "bits: null", "toy.yaml:9: converter.bits: null removes an inherited key, and there is none"),
        ("exit:\n", "exit: 4\nodd:\n", "toy.yaml:13: unknown key 'odd' (and 1 other fault)"),
    ],
)
def test_messages_say_line_key_rule_value_and_guess(tmp_path, old, new, message):
    assert old in VALID
    assert refusal(tmp_path, VALID.replace(old, new)).startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"- a\n- b\n", "toy.yaml:1: an architecture file is a mapping"),
        (b"4\n", "toy.yaml:1: an architecture file is a mapping"),
        (b"a: 1\nb: \xff\xfe\n", "toy.yaml:2: not UTF-8 text"),
        ("a: 1\n".encode("utf-16"), "toy.yaml:1: not UTF-8 text"),
        (b"a: 1\n" * MAX_BYTES, "toy.yaml: larger than 128 KiB"),
        (b"\x00" * 10, "toy.yaml:1: not text"),
    ],
)
def test_what_is_no_architecture_file(tmp_path, data, message):
    assert refusal(tmp_path, data).startswith(message)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.yaml", "missing.yaml: no such file or shipped design (shipped: "),
        (".", ".: is a folder"),
        ("a\nb", "a\\nb: no such file"),
        ("x" * 5000, "xxx"),
        ("nul\0", "nul"),
        ("", ""),
    ],
)
def test_names_that_lead_nowhere(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArchitectureError) as caught:
        load(name, spec_for)
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()


def test_a_file_below_the_current_folder_is_named_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / "arch").mkdir()
    (tmp_path / "arch" / "toy.yaml").write_text(VALID.replace("bits: 4", "bits: -4"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArchitectureError, match=r"^arch/toy\.yaml:9: converter\.bits: must be at least 1, got -4$"):
        load("arch/toy.yaml", spec_for)


# --- extends


def test_a_child_is_laid_over_its_parent(tmp_path):
    (tmp_path / "base.yaml").write_text(VALID)
    child = "extends: base.yaml\nconverter:\n  bits: 6\n  energy_pj: 9\nsizes: [8]\n"
    loaded = load_text(tmp_path, child)
    assert loaded.spec.converter.bits == 6
    assert loaded.spec.converter.law == "sar"
    assert loaded.spec.converter.energy_pj.low == 9.0
    assert loaded.spec.sizes == (8,)
    assert loaded.places["converter.bits"] == f"{tmp_path}/toy.yaml:3"
    assert loaded.places["converter.law"] == f"{tmp_path}/base.yaml:10"


def test_null_removes_an_inherited_key(tmp_path):
    spare = "spare:\n  source: x\n  bits: 2\n  law: flash\n  energy_pj: 1\n"
    (tmp_path / "base.yaml").write_text(VALID + spare)
    assert load_text(tmp_path, "extends: base.yaml\n").spec.spare is not None
    assert load_text(tmp_path, "extends: base.yaml\nspare: null\n").spec.spare is None
    assert load_text(tmp_path, "extends: base.yaml\n", "spare=null").spec.spare is None
    message = refusal(tmp_path, "extends: base.yaml\nspares: null\n")
    assert message == "toy.yaml:2: spares: null removes an inherited key, and there is none"
    message = refusal(tmp_path, "extends: base.yaml\nconverter:\n  bits: null\n")
    assert message == "toy.yaml:2: converter: missing key 'bits'"


def test_grandparents_and_folders(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "first.yaml").write_text(VALID)
    (tmp_path / "old" / "second.yaml").write_text("extends: first.yaml\nclock_mhz: 100\n")
    loaded = load_text(tmp_path, "extends: old/second.yaml\nconverter: {bits: 5}\n")
    assert (loaded.spec.clock_mhz, loaded.spec.converter.bits) == (100.0, 5)


def test_circles_and_towers_are_refused(tmp_path):
    (tmp_path / "other.yaml").write_text("extends: toy.yaml\n")
    message = refusal(tmp_path, "extends: other.yaml\n")
    assert message == (
        "other.yaml:1: extends: the files extend each other in a circle: toy.yaml -> other.yaml -> toy.yaml"
    )
    assert "in a circle: toy.yaml -> toy.yaml" in refusal(tmp_path, "extends: toy.yaml\n")
    for level in range(MAX_PARENTS + 2):
        (tmp_path / f"l{level}.yaml").write_text(f"extends: l{level + 1}.yaml\n")
    assert "more than 8 files" in refusal(tmp_path, "extends: l0.yaml\n")


@pytest.mark.parametrize("value", ["3", "[a.yaml]", "''", "missing.yaml", "'a\\nb'", "."])
def test_extends_must_name_a_file(tmp_path, value):
    assert refusal(tmp_path, f"machine: toy\nextends: {value}\n").startswith("toy.yaml:2: extends: ")


# --- overrides


@pytest.mark.parametrize(
    ("setting", "read", "value"),
    [
        ("converter.bits=6", lambda spec: spec.converter.bits, 6),
        ("clock_mhz=1e3", lambda spec: spec.clock_mhz, 1000.0),
        (
            "converter.energy_pj=2.5",
            lambda spec: (spec.converter.energy_pj.low, spec.converter.energy_pj.high),
            (2.5,) * 2,
        ),
        ("converter.energy_pj={value: 2, low: 1, high: 4}", lambda spec: spec.converter.energy_pj.high, 4.0),
        ("converter.energy_pj.high=8", lambda spec: spec.converter.energy_pj.high, 8.0),
        ("sizes=[4, 5]", lambda spec: spec.sizes, (4, 5)),
        ("sizes=[]", lambda spec: spec.sizes, ()),
        ("sizes.2=9", lambda spec: spec.sizes, (1, 2, 9)),
        ("exit.threshold=never", lambda spec: spec.exit.threshold, "never"),
        ("source='7'", lambda spec: spec.source, "7"),
        ("source=a=b", lambda spec: spec.source, "a=b"),
        ("drift={value: 1, low: 0, high: 2}", lambda spec: spec.drift.value, 1.0),
        ("spare={source: x, bits: 3, law: sar, energy_pj: 1}", lambda spec: spec.spare.bits, 3),
        ("converter={bits: 3}", lambda spec: (spec.converter.bits, spec.converter.law), (3, "sar")),
    ],
)
def test_overrides_change_one_value(tmp_path, setting, read, value):
    assert read(load_text(tmp_path, VALID, setting).spec) == value


def test_the_last_override_wins(tmp_path):
    loaded = load_text(tmp_path, VALID, "converter.bits=6", "converter.bits=7")
    assert loaded.spec.converter.bits == 7
    assert loaded.overrides == ("converter.bits=6", "converter.bits=7")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("converter.bits=x", "converter.bits: must be a whole number, got 'x'"),
        ("converter.bit=4", "unknown key 'converter.bit'; did you mean 'converter.bits'?"),
        ("convertor.bits=4", "unknown key 'convertor'; did you mean 'converter'?"),
        ("converter.bits.x=4", "converter.bits is a value, so it has no 'x'"),
        ("converter.0=4", "converter is a mapping, so it has no '0'"),
        ("sizes.first=4", "sizes is a list, so it has no 'first'"),
        ("sizes.3=4", "sizes has 3 items, counted from 0"),
        ("sizes.0=null", "sizes.0: null removes an inherited key, and there is none"),
        ("spare=null", "spare: null removes an inherited key, and there is none"),
        ("spare.bits=4", "spare: missing key 'source' (and 2 other faults)"),
        ("converter.bits", "write KEY=VALUE, with a key such as adc.bits"),
        ("=4", "write KEY=VALUE"),
        ("converter..bits=4", "write KEY=VALUE"),
        ("converter.bits=", "has no value"),
        ("converter.bits=  ", "has no value"),
        ("converter.bits=# six", "the file is empty"),
        ("converter.bits=010", "a number has no leading zero, got 010"),
        ("converter.bits=[1", "not YAML"),
        ("converter.bits=&a 4", "anchors"),
        ("converter=bits: 4", "write a mapping as {key: value}"),
        ("sizes=- 4", "write a mapping as {key: value}"),
        ("machine=toy", "'machine' belongs to the file"),
        ("extends=x", "'extends' belongs to the file"),
    ],
)
def test_override_errors_show_the_override(tmp_path, setting, message):
    assert refusal(tmp_path, VALID, setting).startswith(f"--set {setting}: {message}")


@pytest.mark.parametrize("setting", ["a=\n4", "a\n=4", "a=\x1b[31m", "é=4", "a=" + "x" * 5000, "a=" + "[" * 5000])
def test_strange_overrides_stay_one_short_line(tmp_path, setting):
    message = refusal(tmp_path, VALID, setting)
    assert message.startswith("--set ")
    assert len(message) < 250


# --- digest


def test_the_digest_is_that_of_the_values(tmp_path):
    plain = load_text(tmp_path, VALID)
    assert len(plain.sha256) == 64
    commented = VALID.replace("clock_mhz: 250", "clock_mhz: 250  # a quarter\n").replace("0.5", "5e-1")
    assert load_text(tmp_path, commented).sha256 == plain.sha256
    assert load_text(tmp_path, VALID, "converter.bits=6").sha256 == plain.sha256
    assert load_text(tmp_path, VALID.replace("bits: 4", "bits: 6")).sha256 != plain.sha256
    (tmp_path / "base.yaml").write_text(VALID)
    assert load_text(tmp_path, "extends: base.yaml\n").sha256 == plain.sha256
    assert load_text(tmp_path, "extends: base.yaml\nclock_mhz: 1\n").sha256 != plain.sha256
