"""Spiking LSTMs in PyTorch: the cell of a sequence trace, its training, stand-ins for ordinary LSTMs, and capture."""

from hwsim.doors.torch.lstm.capture import stood_in
from hwsim.doors.torch.lstm.network import Shape, SpikingLSTM

__all__ = ["Shape", "SpikingLSTM", "stood_in"]
