"""Networks that fire once in PyTorch: their layers, conversion of networks of ReLU, and capture."""
