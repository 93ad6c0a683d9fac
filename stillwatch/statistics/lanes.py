"""Several values in one instruction, where a plain loop would not become that by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types

intrinsic: Any = extending.intrinsic
"""What it makes is called without the first argument, which type checkers don't know."""

FOUR = 4
_FLOATS = ir.VectorType(ir.DoubleType(), FOUR)
_WORD = ir.IntType(64)


@intrinsic
def add_four(typingctx, sums, place, values, row):
    """`sums[place] += values[row]`; both are float64 (n, `FOUR`), contiguous."""

    def generate(context, builder, signature, arguments):
        def at(array, number):
            data = context.make_array(signature.args[array])(context, builder, arguments[array])
            first = builder.mul(number, ir.Constant(number.type, FOUR))
            return builder.bitcast(builder.gep(data.data, [first]), _FLOATS.as_pointer())

        target = at(0, arguments[1])
        summand = builder.load(at(2, arguments[3]), align=8)
        builder.store(builder.fadd(builder.load(target, align=8), summand), target, align=8)
        return context.get_dummy_value()

    return types.void(sums, types.intp, values, types.intp), generate


@intrinsic
def eight_bytes(typingctx, data, at):
    """The 8 bytes of `data` (uint8, contiguous) from `at` as one number, the first one lowest."""

    def generate(context, builder, signature, arguments):
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(held.data, [arguments[1]])
        return builder.load(builder.bitcast(place, _WORD.as_pointer()), align=1)

    return types.uint64(data, types.intp), generate
