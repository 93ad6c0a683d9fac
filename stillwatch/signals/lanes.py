"""Many values in one instruction, where a plain loop would not become that by itself.

Each function stands for a few instructions of LLVM's on a vector, which it turns into those of the
machine at hand: the same answer everywhere, in fewer steps where registers are wide.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.datamodel.registry import register_default

intrinsic: Any = extending.intrinsic
"""What it makes is called without the first argument, which type checkers don't know."""

LANES = 16
"""Floats in a register, as many as `add_row` reads from where a row of its table begins."""

IMAGES = 32
"""Values that `least_images` keeps the least of."""

_BLOCK = ir.VectorType(ir.IntType(8), 64)
_WORD = ir.IntType(64)
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_BYTES = ir.VectorType(ir.IntType(8), LANES)
_IMAGES = ir.VectorType(ir.IntType(32), IMAGES)


def among(members: bytes):
    """A function of (data, at): which of the 64 bytes from `at` are `members`, a bit each (uint64).

    Bit j stands for `data[at + j]`; `data` is uint8, contiguous, and has 64 bytes from there.
    """
    spans: list[tuple[int, int]] = []
    for byte in sorted(set(members)):
        first = spans.pop()[0] if spans and spans[-1][1] == byte - 1 else byte
        spans.append((first, byte))

    @intrinsic
    def which(typingctx, data, at):
        def generate(context, builder, signature, arguments):
            place = builder.gep(_data(context, builder, signature, arguments, 0), [arguments[1]])
            block = builder.load(builder.bitcast(place, _BLOCK.as_pointer()), align=1)
            found = ir.Constant(ir.VectorType(ir.IntType(1), 64), [0] * 64)
            for first, last in spans:
                beyond = builder.sub(block, ir.Constant(_BLOCK, [first] * 64))
                inside = ir.Constant(_BLOCK, [last - first] * 64)
                found = builder.or_(found, builder.icmp_unsigned("<=", beyond, inside))
            return builder.bitcast(found, _WORD)

        return types.uint64(data, types.intp), generate

    return which


@intrinsic
def ones(typingctx, bits):
    """How many bits are set."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def lowest(typingctx, bits):
    """The place of the lowest bit that is set; 64 where none is."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


class Floats(types.Type):
    """`LANES` values of float32 that a kernel holds in a register while it adds to them."""

    def __init__(self) -> None:
        super().__init__("Floats")


@register_default(Floats)
class _FloatsModel(PrimitiveModel):
    """A vector of LLVM's."""

    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _FLOATS)


floats = Floats()


@intrinsic
def zeros(typingctx):
    """0 in each lane."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(_FLOATS, [0.0] * LANES)

    return floats(), generate


@intrinsic
def add_row(typingctx, sums, table, at, scale, factor):
    """`sums[k] + factor · (table[at + k] · scale)`, each product and the sum rounded to float32.

    `table` is int8 or float32, contiguous, and has `LANES` values from `at`; `scale` and `factor`
    are float32.
    """

    def generate(context, builder, signature, arguments):
        whole = signature.args[1].dtype == types.int8
        kind, align = (_BYTES, 1) if whole else (_FLOATS, 4)
        first = builder.gep(_data(context, builder, signature, arguments, 1), [arguments[2]])
        row = builder.load(builder.bitcast(first, kind.as_pointer()), align=align)
        row = builder.sitofp(row, _FLOATS) if whole else row
        unit, share = (_spread(builder, arguments[position], _FLOATS) for position in (3, 4))
        return builder.fadd(arguments[0], builder.fmul(share, builder.fmul(row, unit)))

    return floats(floats, table, types.uintp, types.float32, types.float32), generate


@intrinsic
def store(typingctx, sums, out):
    """Write the lanes to `out`, float32 (LANES,), contiguous."""

    def generate(context, builder, signature, arguments):
        place = _data(context, builder, signature, arguments, 1)
        builder.store(arguments[0], builder.bitcast(place, _FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(floats, out), generate


@intrinsic
def least_images(typingctx, least, values, count, multipliers, shifts):
    """`least[k] = min over u < count of values[u] * multipliers[k] + shifts[k]`, modulo 2 ** 32.

    All are uint32, contiguous; `least`, `multipliers` and `shifts` have `IMAGES` values.
    """

    def generate(context, builder, signature, arguments):
        out, source, factors, summands = (
            _data(context, builder, signature, arguments, position) for position in (0, 1, 3, 4)
        )
        whole = _IMAGES.as_pointer()
        factor, summand = (
            builder.load(builder.bitcast(place, whole), align=4) for place in (factors, summands)
        )
        smallest = cgutils.alloca_once(builder, _IMAGES)
        builder.store(ir.Constant(_IMAGES, [0xFFFFFFFF] * IMAGES), smallest)
        with cgutils.for_range(builder, arguments[2]) as loop:
            value = _spread(builder, builder.load(builder.gep(source, [loop.index])), _IMAGES)
            image = builder.add(builder.mul(value, factor), summand)
            so_far = builder.load(smallest)
            lower = builder.icmp_unsigned("<", image, so_far)
            builder.store(builder.select(lower, image, so_far), smallest)
        builder.store(builder.load(smallest), builder.bitcast(out, whole), align=4)
        return context.get_dummy_value()

    return types.void(least, values, types.intp, multipliers, shifts), generate


def _data(context, builder, signature, arguments, position):
    """Where the values of the array at `position` begin."""
    array = context.make_array(signature.args[position])
    return array(context, builder, arguments[position]).data


def _spread(builder, value, kind):
    """A vector of type `kind` with `value` in each lane."""
    empty = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, empty, everywhere)
