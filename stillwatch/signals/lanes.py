"""Many values in one instruction, where a plain loop would not become that by itself.

Each function stands for a few instructions of LLVM's on a vector, which it turns into those of the
machine at hand: the same answer everywhere, in fewer steps where registers are wide.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16
"""Columns of a table that `add_rows` reads: a row is one register."""

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_BYTES = ir.VectorType(ir.IntType(8), LANES)
_PLACE = ir.IntType(64)


@intrinsic
def add_rows(typingctx, sums, table, scale, rows, values, count):
    """`sums[k] = Σ values[u] · (table[rows[u], k] · scale)` over the first `count` u, in order.

    `sums` float32 (LANES,), `table` int8 (-, LANES), `scale` float32, `rows` int32, `values`
    float32; all contiguous. Each product and each sum is rounded to float32.
    """

    def generate(context, builder, signature, arguments):
        def data(position):
            kind, value = signature.args[position], arguments[position]
            return context.make_array(kind)(context, builder, value).data

        out, weights, places, factors = (data(position) for position in (0, 1, 3, 4))
        unit = _spread(builder, arguments[2])
        total = cgutils.alloca_once(builder, _FLOATS)
        builder.store(ir.Constant(_FLOATS, [0.0] * LANES), total)
        with cgutils.for_range(builder, arguments[5]) as loop:
            place = builder.sext(builder.load(builder.gep(places, [loop.index])), _PLACE)
            first = builder.gep(weights, [builder.mul(place, ir.Constant(_PLACE, LANES))])
            row = builder.load(builder.bitcast(first, _BYTES.as_pointer()), align=1)
            factor = _spread(builder, builder.load(builder.gep(factors, [loop.index])))
            weight = builder.fmul(builder.sitofp(row, _FLOATS), unit)
            summand = builder.fmul(factor, weight)
            builder.store(builder.fadd(builder.load(total), summand), total)
        builder.store(builder.load(total), builder.bitcast(out, _FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(sums, table, scale, rows, values, types.intp), generate


def _spread(builder, value):
    """A vector with `value` in each lane."""
    empty = ir.Constant(_FLOATS, ir.Undefined)
    one = builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, empty, everywhere)
