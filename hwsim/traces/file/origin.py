"""Where a trace comes from, as a JSON object, in both directions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from hwsim.errors import TraceError
from hwsim.printable import brief
from hwsim.traces.file.record import Record
from hwsim.traces.network.limits import MAX_SIZE
from hwsim.traces.provenance import Provenance, Recipe
from hwsim.traces.trace import MAX_EVENT_TIMESTEPS, MAX_TIMESTEPS


def provenance_record(provenance: Provenance) -> dict[str, object]:
    """Provenance ready for JSON."""
    return asdict(provenance)


def read_provenance(fields: Record) -> Provenance:
    """The provenance that `fields` describes."""
    recipe = fields.optional("recipe")
    provenance = Provenance(
        name=fields.text("name"),
        dataset=fields.text("dataset"),
        split=fields.text("split"),
        licence=fields.text("licence"),
        framework=fields.text("framework"),
        command=fields.text("command"),
        seed=fields.integer("seed", 0, 2**64 - 1),
        synthetic=fields.flag("synthetic"),
        accuracy=_read_fractions(fields, "accuracy"),
        float_accuracy=_read_fractions(fields, "float_accuracy"),
        notes=fields.text("notes"),
        recipe=None if recipe is None else _read_recipe(recipe),
    )
    fields.close()
    return provenance


def check_rates(recipe: Recipe, names: Collection[str]) -> None:
    """Raise TraceError unless a recipe has a rate for each of `names` and no other."""
    for name in names:
        if name not in recipe.rates:
            raise TraceError(
                f"provenance.recipe.rates: wanted a rate for each layer that fires, found none for '{name}'"
            )
    for name, rate in recipe.rates.items():
        if name not in names or not 0 <= rate <= 1:
            raise TraceError(f"provenance.recipe.rates: wanted rates from 0 to 1, found {rate:g} for {brief(name)}")


def _read_fractions(fields: Record, key: str) -> tuple[float, ...]:
    values = fields.numbers(key, MAX_EVENT_TIMESTEPS)
    if not all(0 <= value <= 1 for value in values):
        fields.fail(key, "fractions from 0 to 1", values)
    return values


def _read_recipe(fields: Record) -> Recipe:
    rates = fields.record("rates")
    recipe = Recipe(
        geometry=fields.text("geometry"),
        timesteps=fields.integer("timesteps", 1, MAX_TIMESTEPS),
        samples=fields.integer("samples", 1, MAX_SIZE),
        rates={name: rates.number(name) for name in rates},
        seed=fields.integer("seed", 0, 2**64 - 1),
        steady=fields.flag("steady"),
    )
    fields.close()
    return recipe
