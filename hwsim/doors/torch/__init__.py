"""PyTorch models of snnTorch and SpikingJelly: a traced forward pass becomes a float graph, hooks give its spikes."""
