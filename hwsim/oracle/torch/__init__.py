"""The oracle's term for PyTorch: `loss`, and the state that it keeps (`term`, `Term`)."""

from hwsim.oracle.torch.term import Term, loss, term

__all__ = ["Term", "loss", "term"]
