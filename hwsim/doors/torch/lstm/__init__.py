"""Spiking LSTMs in PyTorch: the cell of a sequence trace, its training, conversion of ordinary LSTMs, and capture."""
