"""The simulated event sensor against one pixel at a time, and the tool that trains on what it gives."""

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import train_events
from tools.dietsnn_cases import save_npz
from training.common.data import Images
from training.events.sensor import CORNERS, REACH, Sensor, frames

import hwsim
from hwsim.traces.codings import verify
from hwsim.traces.io import read_trace


def images_of(values):
    x = np.asarray(values, np.uint8)
    return Images(x[..., None], np.zeros(len(x), np.int64), np.arange(len(x)))


def intensity(image, y, x):
    """Between pixels by their shares, nothing beyond the image."""
    total, (top, left) = 0.0, (math.floor(y), math.floor(x))
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < len(image) and 0 <= column < len(image[0]):
                total += (1 - abs(y - row)) * (1 - abs(x - column)) * image[row][column] / 255
    return total


def events_of_one_pixel(image, y, x, sensor):
    found, remembered, rests = [], None, 0
    for step in range(sensor.duration_us // sensor.step_us):
        now = step * sensor.step_us
        along = 3 * now / sensor.duration_us
        (y0, x0), (y1, x1) = CORNERS[int(along)], CORNERS[int(along) + 1]
        moved = (y0 + (along - int(along)) * (y1 - y0), x0 + (along - int(along)) * (x1 - x0))
        seen = math.log(sensor.floor + intensity(image, y - REACH - moved[0], x - REACH - moved[1]))
        if remembered is None:
            remembered = seen
        elif abs(seen - remembered) >= sensor.threshold and now >= rests:
            found.append((now, x, y, int(seen > remembered)))
            remembered, rests = seen, now + sensor.refractory_us
    return found


def test_a_pixel_fires_when_what_it_sees_has_changed_by_its_threshold():
    image = np.random.default_rng(0).integers(0, 256, (5, 4))
    sensor = Sensor(30_000, threshold=0.37, mismatch=0.0, refractory_us=3000, noise_hz=0.0)
    (found,) = sensor.recordings(images_of([image]), seed=1)
    wanted = [
        event
        for y in range(5 + 2 * REACH)
        for x in range(4 + 2 * REACH)
        for event in events_of_one_pixel(image.tolist(), y, x, sensor)
    ]
    columns = (found.t_us, found.x, found.y, found.p)
    assert sorted(zip(*(each.tolist() for each in columns), strict=True)) == sorted(wanted)
    assert len(wanted) > 100
    assert (np.diff(found.t_us) >= 0).all()


def test_thresholds_differ_from_pixel_to_pixel_and_not_from_image_to_image():
    image = np.full((4, 4), 200)
    same, spread = (Sensor(30_000, mismatch=mismatch, noise_hz=0.0) for mismatch in (0.0, 0.3))
    one, other = spread.recordings(images_of([image, image]), seed=1)
    assert one.t_us.tolist() == other.t_us.tolist()
    (plain,) = same.recordings(images_of([image]), seed=1)
    assert len(plain) != len(one)


def test_noise_fires_at_its_rate_and_rests_as_all_do():
    sensor = Sensor(1_000_000, refractory_us=50_000, noise_hz=20.0)
    black = images_of(np.zeros((2, 8, 8)))
    one, other = sensor.recordings(black, seed=3)
    pixels = (8 + 2 * REACH) ** 2
    assert len(one) == pytest.approx(20 * pixels / (1 + 20 * 0.05), rel=0.05)  # each event takes the time that it rests
    assert one.t_us.tolist() != other.t_us.tolist()
    for place in range(0, pixels, 7):
        times = one.t_us[one.y * (8 + 2 * REACH) + one.x == place]
        assert (np.diff(times) >= 50_000).all()
    assert 0.4 < one.p.mean() < 0.6
    alone = black.take(np.array([1]))
    assert next(iter(sensor.recordings(alone, seed=3))).t_us.tolist() == other.t_us.tolist()


def test_frames_have_a_spike_where_a_pixel_fired_in_a_timestep():
    images = images_of(np.random.default_rng(1).integers(0, 256, (3, 6, 6)))
    sensor = Sensor(40_000, threshold=0.2, noise_hz=5.0)
    made = frames(images, sensor, 8, seed=2)
    for found, events in zip(made.x, sensor.recordings(images, seed=2), strict=True):
        wanted = np.zeros((6 + 2 * REACH, 6 + 2 * REACH, 16), np.uint8)
        for t, x, y, p in zip(events.t_us, events.x, events.y, events.p, strict=True):
            wanted[y, x, t // 5000 * 2 + p] = 1
        np.testing.assert_array_equal(found, wanted)


def run_tool(folder, *more):
    """The tool on tiny images; a later option wins over an earlier one."""
    words = f"--data {folder / 'd.npz'} --dataset Squares --licence CC0-1.0 --timesteps 4 --step-us 9000 --channels 3,5"
    words += f" --limit 60 --test 30 --held-out 20 --epochs 2 --recorded 6 --inputs 10 --cache {folder / 'cache'}"
    return train_events.main([*words.split(), "--out", str(folder / "t.npz"), *more])


def test_the_tool_trains_and_its_trace_verifies_and_is_played(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path) == 0
    assert "float epoch 2/2" in capsys.readouterr().out
    trace = read_trace(tmp_path / "t.npz")
    assert verify(trace).ok
    assert (trace.coding, trace.timesteps, trace.n_samples) == ("events", 4, 6)
    sizes = {name: logits.values.shape for name, logits in trace.logits.items()}
    assert sizes == {"recorded": (6, 4, 4), "test": (30, 4, 4), "calibration": (20, 4, 4)}
    assert trace.inputs.values.shape == (10, 4, 12, 13, 2)
    assert "simulated" in trace.provenance.dataset and "events are simulated" in trace.provenance.notes
    assert "--data d.npz" in trace.provenance.command and str(tmp_path) not in trace.provenance.command
    assert len(trace.provenance.float_accuracy) == len(trace.provenance.accuracy) == 4
    for design in ("imc", "digital"):
        assert hwsim.simulate(design, trace, accuracy_samples=0).energy.value > 0


def test_it_goes_on_from_its_checkpoint_to_the_same_trace(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path) == 0
    first = (tmp_path / "t.npz").read_bytes()
    assert run_tool(tmp_path) == 0
    assert "resumed after epoch 2/2" in capsys.readouterr().out
    assert (tmp_path / "t.npz").read_bytes() == first


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--noise-hz", "-1"], "--noise-hz -1.0: must be from 0 to 1000"),
        (["--channels", "3,0"], "must be at least 1, got 0"),
        (["--inputs", "31"], "--inputs 31: must be at most --test, which is 30"),
        (["--data", "missing.npz"], "missing.npz: no such file"),
        (["--out", "t.bin"], "wanted a name that ends in .npz"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(tmp_path, capsys, more, says):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, *more) == 2
    error = capsys.readouterr().err
    assert says in error and error.startswith("error: ") and error.count("\n") == 1
    assert not (tmp_path / "t.npz").exists()
