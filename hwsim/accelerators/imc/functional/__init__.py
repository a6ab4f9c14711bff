"""What the crossbars compute, bit for bit: weights on cells, partial sums, converters that clip, cells that vary."""
