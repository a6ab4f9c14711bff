"""A register that is too narrow is refused with its key, who needs more, and what is enough."""

from __future__ import annotations

import pytest

from hwsim.contract.fit import refuse_narrow
from hwsim.errors import ArchitectureError


@pytest.mark.parametrize(("owner", "said"), [("conv1", "conv1"), ("1", "layer 1"), ("0.fc", "0.fc")])
def test_the_owner_of_a_narrow_register_is_named_so_that_it_is_no_number(owner, said):
    widths = [("mac.bits", 8, 8), ("mac.sum_bits", 24, 20), ("pooling.bits", 9, 8)]
    with pytest.raises(ArchitectureError) as raised:
        refuse_narrow(owner, widths)
    assert str(raised.value) == f"mac.sum_bits: {said} needs 24, the machine has 20; mac.sum_bits=24 is enough"
    refuse_narrow(owner, widths[:1])
