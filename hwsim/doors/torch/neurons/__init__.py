"""Neurons of libraries as those of a float graph, a module a library."""
