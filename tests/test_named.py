"""Parts of one array by name, beside plain dicts of arrays."""

import pickle

import numpy as np

from hwsim.named import Named, Places, concatenated


def named(seed=0, samples=2):
    return Named(Places({"a": 2, "b": 0}), np.random.default_rng(seed).integers(0, 9, (3, samples, 4)))


def plain(mapping):
    return {name: part.tolist() for name, part in mapping.items()}


def test_a_part_is_a_view_of_the_array():
    found = named()
    assert list(found) == ["a", "b"] and len(found) == 2
    assert found["a"].base is found.array
    assert plain(found) == {"a": found.array[2].tolist(), "b": found.array[0].tolist()}


def test_parts_may_be_anything_that_arrays_are_indexed_with():
    array = np.arange(12).reshape(3, 4)
    assert plain(Named(Places({"last": (slice(None), slice(2, 4))}), array)) == {"last": array[:, 2:].tolist()}


def test_samples_follow_each_other():
    """Whether places are the same object, equal, or others, and whether all are parts of arrays at all."""
    first, second = named(0), named(1, samples=3)
    expected = {name: np.concatenate([first[name], second[name]]).tolist() for name in first}
    elsewhere = Named(Places({"a": 0, "b": 1}), second.array[[2, 0]])
    for other in (second, pickle.loads(pickle.dumps(second)), elsewhere, dict(second)):
        assert plain(concatenated([first, other])) == expected
        assert plain(concatenated([dict(first), other])) == expected
    same = concatenated([first, pickle.loads(pickle.dumps(second))])
    assert isinstance(same, Named) and same.places is first.places
