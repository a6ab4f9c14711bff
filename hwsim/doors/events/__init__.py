"""Recordings of event sensors: files of several kinds, and their binning into timesteps."""
