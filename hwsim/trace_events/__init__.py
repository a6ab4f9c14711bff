"""Samples over time as trace events of Chrome, which Perfetto (ui.perfetto.dev) and chrome://tracing draw."""

from hwsim.trace_events.document import trace_events, written

__all__ = ["trace_events", "written"]
