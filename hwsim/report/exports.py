"""A report as others take it: JSON, dictionaries, rows for tables of data, text and HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from hwsim import units

Renderer = Callable[[Any, int], str]


class Exports:
    """Methods of a report; how it looks as text and HTML is given from above, by `_as_text` and `_as_html`."""

    _as_text: ClassVar[Renderer | None] = None
    _as_html: ClassVar[Renderer | None] = None

    def to_json(self, path: str | Path | None = None) -> str:
        """The whole report as JSON, also written to a file if one is named.

        Floats are written so that they read back to the same bits.  `hwsim.load_report` reads it, `hwsim report schema`
        says what is in it.  The file appears whole or not at all; raises UsageError for what cannot be written.
        """
        text: str = adapter_of(self._kind).dump_json(self, indent=1).decode() + "\n"
        if path is not None:
            from hwsim import arguments, files

            arguments.instance("path", path, (str, Path), "a path")
            files.write_all({Path(path): text})
        return text

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries, lists, numbers and texts."""
        found: dict[str, Any] = adapter_of(self._kind).dump_python(self, mode="json")
        return found

    def rows(self) -> list[dict[str, Any]]:
        """A dictionary for each run, layer, component and action, for `pandas.DataFrame` or `polars.DataFrame`.

        Keys are the columns of `--csv`: the design, the trace and the run, latency of the run (ns) and area of the
        design (mm2), begin and end of the layer (ns), count and energy with its bounds (pJ).
        """
        found = []
        for run in self._all_runs():
            layers = {row.layer: row for row in run.layers}
            head = {**self._origin(run), "latency_ns": _value(run.latency_ns), "area_mm2": self._report.area_mm2.value}
            for row in run.rows:
                layer = layers[row.layer]
                times = {"begin_ns": layer.begin_ns, "end_ns": layer.end_ns}
                found.append({**head, **times, **asdict(row)})
        return found

    def summary(self, run: str | None = None) -> dict[str, Any]:
        """One run in one dictionary, a row of `--csv-summary`; the last run unless another is named."""
        this = self._report.runs[-1] if run is None else self._report.run(run)
        return self._summary(this)

    def summaries(self) -> list[dict[str, Any]]:
        """The same of every run, baselines included."""
        return [self._summary(run) for run in self._all_runs()]

    def to_table(self, width: int = 100) -> str:
        """The first screen of `hwsim simulate` as text, so many columns wide."""
        return repr(self) if Exports._as_text is None else Exports._as_text(self, width)

    def __repr__(self) -> str:
        """What it is of, and what each run costs."""
        costs = "; ".join(
            f"{run.name} {run.energy_pj.value:.4g} pJ"
            + ("" if run.latency_ns is None else f", {run.latency_ns.value:.4g} ns")
            for run in self._all_runs()
        )
        return f"<Report {self._report.architecture['file']} on {self._report.trace['name']}: {costs}>"

    def _repr_html_(self) -> str:
        """The first screen in a notebook."""
        return f"<pre>{self!r}</pre>" if Exports._as_html is None else Exports._as_html(self, 100)

    @property
    def _report(self) -> Any:
        return self

    @property
    def _kind(self) -> Any:
        return type(self)

    def _all_runs(self) -> list[Any]:
        return [*self._report.runs, *self._report.baselines]

    def _origin(self, run: Any) -> dict[str, Any]:
        design = self._report.architecture
        return {
            "design": design["file"].removesuffix(".yaml"),
            "settings": " ".join(design["overrides"]),
            "trace": self._report.trace["name"],
            "run": str(run.name),
        }

    def _accuracies(self, run: Any) -> dict[str, Any]:
        """That of this hardware where it is known, as the first screen has it, and that of the exact network."""
        whose, known = self._report.accuracy_of.whose, run.hardware_accuracy
        exact = run.accuracy, run.accuracy_standard_error, run.accuracy_samples
        here = exact if known is None else (known.accuracy, known.standard_error, known.samples)
        if known is not None and whose != "this hardware":
            whose = "this hardware"
        elif whose == "this hardware":
            exact = None, None, None
        found: dict[str, Any] = {"accuracy_of": whose}
        for name, values in (("accuracy", here), ("exact_accuracy", exact)):
            found |= dict(zip((name, f"{name}_standard_error", f"{name}_samples"), values, strict=True))
        return found

    def _summary(self, run: Any) -> dict[str, Any]:
        row = {**self._origin(run), "samples": len(run.samples.timesteps), "timesteps": run.timesteps.value}
        row |= self._accuracies(run)
        for name in ("energy_pj", "latency_ns", "edp_pj_ns"):
            figure = getattr(run, name)
            row[name] = _value(figure)
            for part in ("standard_error", "low", "high"):
                row[f"{name}_{part}"] = None if figure is None else getattr(figure, part)
        report = self._report
        bits = sum(row.used_bits for row in report.storage)
        return row | {
            "input_bits": None if report.io is None else report.io.input_bits,
            "output_bits": None if report.io is None else report.io.output_bits,
            "io_pj": None if report.io is None else report.io.energy_pj.value,
            "energy_with_io_pj": _value(run.with_io_pj),
            "one_at_a_time_per_s": run.one_at_a_time_per_s,
            "pipelined_per_s": run.pipelined_per_s,
            "period_ns": None if run.period is None else run.period.period_ns,
            "period_energy_pj": None if run.period is None else run.period.energy_pj.value,
            "period_power_uw": None if run.period is None else run.period.power_uw.value,
            "leakage_share": run.leakage_pj.value / run.energy_pj.value if run.energy_pj.value else 0.0,
            "power_uw": run.power_uw,
            "area_mm2": report.area_mm2.value,
            "memory_kib": bits / units.BITS_PER_KIB,
            "busiest": run.busiest,
            "busy_share": run.units[0].busy_share if run.units else None,
        }


def _value(figure: Any) -> float | None:
    return None if figure is None else figure.value


@cache
def adapter_of(kind: Any) -> Any:
    """What writes and checks values of a type; pydantic is imported for it."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
