"""Where requests come from: addresses by network and country, homes, phones, clouds, proxies.

Network numbers are those of real operators; addresses lie in blocks of the same kind (consumer,
hosting, university) and are drawn at random, so any likeness to a real subscriber is chance.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

COUNTRIES = ("US", "IN", "GB", "DE", "BR", "JP", "FR", "CN", "CA", "ES", "SG", "NG", "KR", "PL")
_WEIGHTS = np.array([26, 11, 8, 8, 7, 6, 6, 6, 5, 5, 4, 3, 3, 2], dtype=float)
UTC_OFFSETS = np.array([-6, 5.5, 0, 1, -3, 9, 1, 8, -5, 1, 8, 1, 9, 1])
LANGUAGES = ("en", "en", "en", "de", "pt", "en", "fr", "zh", "en", "es", "en", "en", "en", "en")

# consumer networks by country: (asn, first octet, second octet low, high)
_HOMES = {
    "US": ((7922, 73, 0, 255), (701, 71, 160, 191), (20115, 24, 151, 183), (7018, 99, 0, 127)),
    "IN": ((55836, 49, 32, 47), (24560, 122, 160, 183), (45609, 106, 192, 223)),
    "GB": ((2856, 86, 128, 191), (5089, 82, 0, 47), (5607, 90, 192, 223)),
    "DE": ((3320, 84, 128, 191), (3209, 88, 64, 79), (6805, 77, 0, 15)),
    "BR": ((28573, 177, 32, 63), (27699, 189, 0, 47), (26599, 191, 192, 207)),
    "JP": ((4713, 114, 144, 191), (2516, 106, 128, 159), (17676, 126, 0, 127)),
    "FR": ((3215, 86, 192, 255), (12322, 82, 224, 255), (15557, 109, 0, 31)),
    "CN": ((4134, 116, 16, 31), (4837, 123, 112, 159), (9808, 183, 192, 255)),
    "CA": ((812, 99, 224, 255), (577, 70, 48, 63), (6327, 68, 144, 151)),
    "ES": ((3352, 83, 32, 63), (12479, 90, 160, 175), (12430, 77, 208, 231)),
    "SG": ((9506, 116, 86, 89), (4773, 118, 200, 201), (10091, 183, 90, 91)),
    "NG": ((29465, 105, 112, 127), (37148, 102, 88, 91), (36873, 105, 4, 7)),
    "KR": ((4766, 121, 128, 191), (9318, 175, 112, 127), (3786, 106, 240, 255)),
    "PL": ((5617, 83, 0, 31), (29314, 89, 64, 79), (12741, 31, 0, 63)),
}
_PHONES = {
    "US": (21928, 172, 56, 59),
    "IN": (55836, 157, 32, 51),
    "GB": (12576, 31, 64, 127),
    "DE": (6805, 176, 0, 7),
    "BR": (26615, 179, 128, 159),
    "JP": (9605, 49, 96, 111),
    "FR": (15557, 92, 184, 191),
    "CN": (9808, 117, 128, 191),
    "CA": (852, 142, 160, 191),
    "ES": (12430, 31, 4, 5),
    "SG": (9506, 111, 65, 65),
    "NG": (29465, 197, 208, 211),
    "KR": (9644, 223, 32, 63),
    "PL": (8374, 188, 146, 147),
}
_CLOUDS = (
    (16509, 3, 80, 95, "US"),
    (16509, 18, 156, 159, "DE"),
    (16509, 13, 208, 215, "SG"),
    (15169, 34, 64, 127, "US"),
    (396982, 35, 184, 199, "US"),
    (8075, 20, 40, 119, "US"),
    (8075, 40, 112, 127, "IN"),
    (24940, 65, 108, 109, "DE"),
    (16276, 51, 68, 91, "FR"),
    (14061, 138, 68, 68, "GB"),
    (14061, 167, 99, 99, "US"),
    (63949, 139, 162, 162, "SG"),
    (20473, 45, 76, 77, "JP"),
    (45102, 47, 74, 91, "SG"),
    (132203, 43, 128, 159, "SG"),
    (9009, 185, 94, 94, "GB"),
    (60068, 89, 187, 187, "US"),
    (51167, 161, 97, 97, "DE"),
)
_CAMPUSES = (
    (36, 144, 214, 214, "US"),
    (786, 129, 67, 67, "GB"),
    (680, 141, 76, 76, "DE"),
    (3582, 128, 223, 223, "US"),
    (2200, 134, 157, 157, "FR"),
    (4538, 166, 111, 111, "CN"),
    (9488, 147, 46, 46, "KR"),
    (766, 158, 42, 42, "ES"),
    (2852, 147, 32, 32, "PL"),
    (1916, 200, 130, 137, "BR"),
)


class PlaceBook:
    """Places by number: an address with its network and country."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._n = 0
        self._carriers: np.ndarray | None = None

    def countries(self, n: int) -> np.ndarray:
        """A country for each of `n` customers: indices into `COUNTRIES`."""
        return self._rng.choice(len(COUNTRIES), size=n, p=_WEIGHTS / _WEIGHTS.sum())

    def homes(self, countries: np.ndarray) -> np.ndarray:
        """A fresh consumer address in each country: place numbers [n]."""
        return self._draw(
            [_HOMES[COUNTRIES[c]] for c in range(len(COUNTRIES))], countries, countries
        )

    def phones(self, countries: np.ndarray, pool: int = 40) -> np.ndarray:
        """A carrier's shared (NAT) address in each country; each carrier has `pool` of them."""
        n_countries = len(COUNTRIES)
        every = np.repeat(np.arange(n_countries), pool)
        if self._carriers is None:
            self._carriers = self._draw([(_PHONES[c],) for c in COUNTRIES], every, every)
        return self._carriers[countries * pool + self._rng.integers(0, pool, len(countries))]

    def clouds(self, n: int, networks: int | None = None) -> np.ndarray:
        """`n` fresh hosting addresses, from `networks` operators (None: from any)."""
        kinds = np.arange(len(_CLOUDS))
        if networks is not None:
            kinds = self._rng.choice(kinds, size=min(networks, len(kinds)), replace=False)
        which = self._rng.choice(kinds, size=n)
        where = np.array([COUNTRIES.index(c[4]) for c in _CLOUDS])
        return self._draw([(c[:4],) for c in _CLOUDS], which, where[which])

    def campuses(self, n: int) -> np.ndarray:
        """`n` fresh addresses of universities and schools."""
        which = self._rng.integers(0, len(_CAMPUSES), n)
        where = np.array([COUNTRIES.index(c[4]) for c in _CAMPUSES])
        return self._draw([(c[:4],) for c in _CAMPUSES], which, where[which])

    def country_of(self, places: np.ndarray) -> np.ndarray:
        """Country indices of `places`."""
        return np.concatenate([r[2] for r in self._rows])[places]

    def columns(self) -> tuple[pa.Array, pa.Array, pa.Array]:
        """`ip`, `asn` and `country` by place number."""
        if not self._rows:
            empty = pa.array([], pa.string())
            return empty, pa.array([], pa.int64()), empty
        octets = np.concatenate([r[0] for r in self._rows])
        asn = np.concatenate([r[1] for r in self._rows])
        country = np.concatenate([r[2] for r in self._rows])
        ips = [f"{a}.{b}.{c}.{d}" for a, b, c, d in octets.tolist()]
        return (
            pa.array(ips, pa.string()),
            pa.array(asn, pa.int64()),
            pa.array(COUNTRIES).take(pa.array(country)),
        )

    def _draw(self, blocks: list, which: np.ndarray, countries: np.ndarray) -> np.ndarray:
        n, rng = len(which), self._rng
        widest = max(len(b) for b in blocks)
        table = np.array([[b[i % len(b)] for i in range(widest)] for b in blocks])
        row = table[which, rng.integers(0, widest, n)] if n else np.zeros((0, 4), dtype=int)
        second = row[:, 2] + (rng.random(n) * (row[:, 3] - row[:, 2] + 1)).astype(int)
        octets = np.column_stack(
            [row[:, 1], second, rng.integers(0, 256, n), rng.integers(1, 255, n)]
        )
        self._rows.append((octets, row[:, 0], np.asarray(countries)))
        first, self._n = self._n, self._n + n
        return np.arange(first, self._n, dtype=np.int32)
