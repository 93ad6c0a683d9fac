"""PyTorch's CPU generator, without PyTorch: MT19937, and the two draws that watermarks make of it.

Hugging Face's watermarks seed `torch.Generator` and call `torch.randperm` and `torch.randint`. To
score text we need the same draws for thousands of seeds and keys, and most of a permutation is
never looked at: only its first part is drawn here. As in PyTorch 2: the generator keeps the low 32
bits of a seed, `randperm` is Fisher-Yates from the front, and a step takes one 32-bit word modulo
what is left (https://github.com/pytorch/pytorch, `aten/src/ATen/native/TensorFactories.cpp`,
`aten/src/ATen/core/MT19937RNGEngine.h`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS = 624


@nb.njit(cache=True, nogil=True)
def _seeded(state: NDArray[np.uint32], seed: np.uint32) -> None:
    word = np.uint32(seed)
    state[0] = word
    for index in range(1, _WORDS):
        mixed = np.uint64(word ^ (word >> np.uint32(30))) * np.uint64(1812433253)
        word = np.uint32((mixed + np.uint64(index)) & np.uint64(0xFFFFFFFF))
        state[index] = word


@nb.njit(cache=True, nogil=True)
def _turned(state: NDArray[np.uint32]) -> None:
    for index in range(_WORDS):
        after = state[(index + 1) % _WORDS]
        joined = (state[index] & np.uint32(0x80000000)) | (after & np.uint32(0x7FFFFFFF))
        word = state[(index + 397) % _WORDS] ^ (joined >> np.uint32(1))
        if joined & np.uint32(1):
            word ^= np.uint32(0x9908B0DF)
        state[index] = word


@nb.njit(cache=True, nogil=True)
def _tempered(word: np.uint32) -> np.uint32:
    word ^= word >> np.uint32(11)
    word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
    word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
    return np.uint32(word ^ (word >> np.uint32(18)))


@nb.njit(cache=True, nogil=True)
def words(seed: int, count: int) -> NDArray[np.uint32]:
    """The first `count` 32-bit words of `torch.Generator().manual_seed(seed)`."""
    state, out = np.empty(_WORDS, np.uint32), np.empty(count, np.uint32)
    _seeded(state, np.uint32(seed & 0xFFFFFFFF))
    for index in range(count):
        if index % _WORDS == 0:
            _turned(state)
        out[index] = _tempered(state[index % _WORDS])
    return out


@nb.njit(cache=True, nogil=True)
def permutation(seed: int | np.uint32, size: int, first: int) -> NDArray[np.int64]:
    """The first `first` entries of `torch.randperm(size)` under a seed."""
    state, order = np.empty(_WORDS, np.uint32), np.arange(size)
    _seeded(state, np.uint32(seed & 0xFFFFFFFF))
    # the last place has nothing left to swap with, and takes no word
    for index in range(min(first, size - 1)):
        if index % _WORDS == 0:
            _turned(state)
        drawn = _tempered(state[index % _WORDS])
        other = index + np.int64(drawn % np.uint32(size - index))
        held = order[index]
        order[index] = order[other]
        order[other] = held
    return order[:first]


@nb.njit(cache=True, nogil=True)
def among_first(
    seeds: NDArray[np.uint32], tokens: NDArray[np.int64], size: int, first: int
) -> NDArray[np.bool_]:
    """Whether `tokens[i]` is in the first part of the permutation of `seeds[i]`.

    Equal seeds must stand together: each run of them is one permutation.
    """
    found = np.zeros(len(tokens), np.bool_)
    inside = np.zeros(size, np.bool_)
    begin = 0
    while begin < len(tokens):
        chosen = permutation(seeds[begin], size, first)
        for token in chosen:
            inside[token] = True
        end = begin
        while end < len(tokens) and seeds[end] == seeds[begin]:
            if 0 <= tokens[end] < size:
                found[end] = inside[tokens[end]]
            end += 1
        for token in chosen:
            inside[token] = False
        begin = end
    return found
