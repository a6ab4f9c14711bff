"""What tests of models share."""

from __future__ import annotations

import warnings

import pytest


@pytest.fixture
def seeded():
    """Models drawn the same each time, and no warnings of drift."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
