"""A naive twin of `overflow: reprogram`: a chip whose cells are written one by one, from docs/machines/imc.md.

The chip is a mapping from (crossbar, row, column) to what was last written there.  An inference goes through the passes
and writes every cell of a crossbar that does not hold what the pass needs on it; what is counted are the writes of the
second inference, which finds what the first has left.  The weights are sliced here, cell by cell.
"""

from __future__ import annotations

from collections import Counter

from hwsim.traces.network.layers import Conv2d
from hwsim.traces.network.weights import weights_of


def stored_slices(spec, weight, bits):
    """Cells of one weight, in the order of its columns."""
    slices = range(0, bits, spec.crossbar.cell_bits)
    if spec.signs.encoding == "differential":
        kept = [max(weight, 0), max(-weight, 0)]
    else:
        kept = [(weight + 1) // 2 if bits == 1 else weight + 2 ** (bits - 1)]
    return [(value >> low) % 2**spec.crossbar.cell_bits for value in kept for low in slices]


def cells_of(spec, layer, outputs):
    """Crossbars of one copy of some outputs of a layer: a list of {(row, column): level}.

    Group by group, column block by column block, row block by row block.
    """
    weights, bits = weights_of(layer), layer.weights.bits
    kernel_y, kernel_x, channels, every = weights.shape
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    reference = spec.signs.encoding == "offset" and spec.signs.correction == "reference_column"
    per_weight = len(stored_slices(spec, 0, bits))
    across = (spec.crossbar.columns - reference) // per_weight
    size, found = every // groups, []
    for group in range(groups):
        mine = [n for n in range(group * size, (group + 1) * size) if outputs[0] <= n < outputs[1]]
        for start in range(0, len(mine), across):
            block = {}
            for y in range(kernel_y):
                for x in range(kernel_x):
                    for c in range(channels):
                        number = (y * kernel_x + x) * channels + c
                        if spec.placement == "im2col":
                            at, row = divmod(number, spec.crossbar.rows)
                        else:
                            of_channels, row = divmod(c, spec.crossbar.rows)
                            at = (y * kernel_x + x, of_channels)
                        cells = block.setdefault(at, {})
                        column = 0
                        for n in mine[start : start + across]:
                            for level in stored_slices(spec, int(weights[y, x, c, n]), bits):
                                cells[row, column] = level
                                column += 1
                        if reference:
                            cells[row, column] = "offset"
            found += [block[at] for at in sorted(block)]
    return found


def pass_contents(spec, network, placement):
    """Of each pass, what it has on crossbars of the chip: {crossbar: {(owner, row, column): level}}."""
    passes = [{} for _ in range(placement.passes.n)]
    taken = [0] * placement.passes.n  # PEs
    for name, placed in placement.layers.items():
        number = placement.passes.of[name] if placement.passes.n > 1 else 0
        layer = network[placed.layer]
        outputs = (0, layer.shape[2]) if placed.part is None else placed.part.outputs
        crossbars = cells_of(spec, layer, outputs)
        for copy in range(placed.copies):
            for n, cells in enumerate(crossbars):
                if spec.packing == "none":  # whole PEs, copy by copy
                    place = taken[number] * spec.chip.crossbars_per_pe + n
                else:
                    place = int(placed.place_of[copy][n])
                own = passes[number].setdefault(place, {})
                own.update({((name, copy), *at): level for at, level in cells.items()})
            taken[number] += -(-len(crossbars) // spec.chip.crossbars_per_pe)
    return passes


def written_in_an_inference(passes):
    """Cells and (crossbar, row) pairs that each pass writes in the second inference, and most writes of a crossbar."""
    holds, cells, rows, of_crossbar = {}, [], [], Counter()
    for inference in range(2):
        for number, contents in enumerate(passes):
            wrote = {place: own for place, own in contents.items() if holds.get(place) != number}
            holds |= dict.fromkeys(wrote, number)
            if inference == 1:
                cells.append(sum(len(own) for own in wrote.values()))
                rows.append({place: len({row for _, row, _ in own}) for place, own in wrote.items()})
                of_crossbar.update(wrote.keys())
    return cells, rows, max(of_crossbar.values(), default=0)


def times_of_rows(rows, at_once):
    """How many rows' times rows of crossbars take, so many crossbars at once, those with most rows left first."""
    left, times = Counter(rows), 0
    while +left:
        for place, _ in left.most_common(len(left) if at_once == "all" else at_once):
            left[place] -= left[place] > 0
        times += 1
    return times
