"""Networks and recordings from elsewhere: a float graph, brought to the integer lattice and executed there."""
