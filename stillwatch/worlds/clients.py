"""What calls the model: client software, its fingerprint, its headers, its installation.

A *client* is one installation: a user agent, a TLS fingerprint, a header set and perhaps a device.
Versions drift, popular software is shared by honest customers and campaigns alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.worlds.identity import digests, identifiers

_STAINLESS = "x-stainless-"


@dataclass(frozen=True)
class Software:
    """One program: user agents by version, share by version, fingerprint kind, headers, device."""

    agents: tuple[str, ...]
    tls: int
    headers: tuple[dict[str, str], ...]
    device: float = 0.0


def _sdk(lang: str, versions: tuple[str, ...], runtime: str) -> tuple[dict[str, str], ...]:
    return tuple(
        {
            _STAINLESS + "lang": lang,
            _STAINLESS + "package-version": v,
            _STAINLESS + "os": os,
            _STAINLESS + "arch": arch,
            _STAINLESS + "runtime": runtime,
        }
        for v in versions
        for os, arch in (("Linux", "x64"), ("MacOS", "arm64"), ("Windows", "x64"))
    )


SOFTWARE: dict[str, Software] = {
    "browser": Software(
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/18.5",
            "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Edg/141.0.0.0",
        ),
        1,
        (
            {"accept-language": "en-US,en;q=0.9", "sec-fetch-mode": "cors"},
            {"accept-language": "en-GB,en;q=0.8", "sec-fetch-mode": "cors"},
            {"accept-language": "de-DE,de;q=0.9,en;q=0.5", "sec-fetch-mode": "cors"},
            {"accept-language": "zh-CN,zh;q=0.9", "sec-fetch-mode": "cors"},
            {"accept-language": "es-ES,es;q=0.9", "sec-fetch-mode": "cors"},
        ),
        0.9,
    ),
    "phone": Software(
        (
            "LumenApp/4.12 (iPhone; iOS 19.1)",
            "LumenApp/4.11 (Android 15; Pixel 8)",
            "LumenApp/4.12 (Android 16; SM-S921B)",
            "okhttp/4.12.0",
        ),
        2,
        ({"accept-language": "en"}, {"accept-language": "pt-BR"}, {"accept-language": "ja"}),
        0.95,
    ),
    "python": Software(
        (
            "OpenAI/Python 1.97.1",
            "OpenAI/Python 1.102.0",
            "Anthropic/Python 0.64.0",
            "Anthropic/Python 0.69.0",
            "AsyncAnthropic/Python 0.69.0",
        ),
        3,
        _sdk("python", ("0.64.0", "0.69.0", "1.97.1", "1.102.0"), "CPython"),
    ),
    "node": Software(
        ("Anthropic/JS 0.60.0", "Anthropic/JS 0.65.0", "OpenAI/JS 5.12.2", "OpenAI/JS 5.20.0"),
        4,
        _sdk("js", ("0.60.0", "0.65.0", "5.12.2"), "node"),
    ),
    "cli": Software(
        (
            "claude-cli/1.0.57 (external, cli)",
            "claude-cli/2.0.14 (external, cli)",
            "claude-cli/2.0.62 (external, cli)",
            "opencode/0.14.3",
            "codex_cli_rs/0.46.0",
        ),
        5,
        _sdk("js", ("0.55.1", "0.60.0", "0.65.0"), "node"),
        0.85,
    ),
    "plain_http": Software(
        (
            "python-requests/2.32.4",
            "python-httpx/0.28.1",
            "Go-http-client/2.0",
            "axios/1.11.0",
            "curl/8.14.1",
            "aiohttp/3.12.15",
        ),
        6,
        ({"accept": "*/*"}, {"accept-encoding": "gzip"}, {"accept-encoding": "gzip, deflate, br"}),
    ),
    "cloud_sdk": Software(
        (
            "Boto3/1.40.1 md/Botocore#1.40.1 lang/python#3.12",
            "Boto3/1.39.3 md/Botocore#1.39.3 lang/python#3.11",
            "google-genai-sdk/1.31.0 gl-python/3.12",
            "azsdk-python-ai/1.0.0 Python/3.11",
        ),
        7,
        ({"accept-encoding": "identity"}, {"accept": "application/json"}),
    ),
    "framework": Software(
        (
            "langchain/0.3.27 python/3.12",
            "LiteLLM/1.77.2",
            "llama-index/0.13",
            "lm-eval/0.4.9 aiohttp/3.12.15",
            "Vercel-AI-SDK/5.0",
        ),
        8,
        ({"accept-encoding": "gzip, deflate"}, {"x-title": "app"}, {"accept": "application/json"}),
    ),
    "relay": Software(
        (
            "claude-cli/1.0.57 (external, cli)",
            "claude-cli/2.0.62 (external, cli)",
            "Go-http-client/2.0",
        ),
        9,
        (
            {
                "accept-encoding": "identity",
                _STAINLESS + "lang": "js",
                _STAINLESS + "package-version": "0.55.1",
                _STAINLESS + "os": "Windows",
                _STAINLESS + "arch": "x64",
                _STAINLESS + "runtime": "node",
            },
            {
                "accept-encoding": "identity",
                _STAINLESS + "lang": "js",
                _STAINLESS + "package-version": "0.52.0",
                _STAINLESS + "os": "Linux",
                _STAINLESS + "arch": "x64",
                _STAINLESS + "runtime": "node",
            },
        ),
        0.7,
    ),
}
"""`relay` presents what relay software is known to present: old versions, identity encoding."""

_NAMES = tuple(SOFTWARE)


class ClientBook:
    """Clients by number."""

    def __init__(self, rng: np.random.Generator, seed: int) -> None:
        self._rng, self._seed = rng, seed
        self._agents = [a for s in SOFTWARE.values() for a in s.agents]
        self._headers = [h for s in SOFTWARE.values() for h in s.headers]
        starts_a = np.cumsum([0] + [len(s.agents) for s in SOFTWARE.values()])
        starts_h = np.cumsum([0] + [len(s.headers) for s in SOFTWARE.values()])
        self._agent_span = np.column_stack([starts_a[:-1], starts_a[1:]])
        self._header_span = np.column_stack([starts_h[:-1], starts_h[1:]])
        self._device_share = np.array([s.device for s in SOFTWARE.values()])
        self._tls = np.array([s.tls for s in SOFTWARE.values()])
        self._rows: list[np.ndarray] = []
        self._n = 0

    def install(self, software: str | np.ndarray, n: int) -> np.ndarray:
        """`n` fresh installations of a program by name, or of programs by index: numbers [n]."""
        rng = self._rng
        kind = (
            np.full(n, _NAMES.index(software))
            if isinstance(software, str)
            else np.asarray(software)
        )
        a, h = self._agent_span[kind], self._header_span[kind]
        # squared: versions are used unequally
        agent = a[:, 0] + (rng.random(n) ** 1.6 * (a[:, 1] - a[:, 0])).astype(int)
        header = h[:, 0] + (rng.random(n) ** 1.3 * (h[:, 1] - h[:, 0])).astype(int)
        # a fingerprint follows program, version and now and then the local TLS library
        tls = self._tls[kind] * 1000 + (agent - a[:, 0]) * 10 + (rng.random(n) < 0.25)
        number = np.arange(self._n, self._n + n)
        device = np.where(rng.random(n) < self._device_share[kind], number, -1)
        self._rows.append(np.column_stack([agent, header, tls, device]))
        self._n += n
        return number.astype(np.int32)

    def mixed(self, n: int, shares: dict[str, float]) -> np.ndarray:
        """`n` fresh installations, programs drawn by `shares`."""
        p = np.array([shares.get(k, 0.0) for k in _NAMES])
        return self.install(self._rng.choice(len(_NAMES), size=n, p=p / p.sum()), n)

    def share_device(self, clients: np.ndarray) -> np.ndarray:
        """Copies of `clients` that all show the first one's device (an image, a cloned machine)."""
        rows = np.concatenate(self._rows)[clients]
        rows[:, 3] = clients[0]
        self._rows.append(rows)
        first, self._n = self._n, self._n + len(rows)
        return np.arange(first, self._n, dtype=np.int32)

    def columns(self) -> dict[str, pa.Array]:
        """`user_agent`, `ja4`, `device_id` and `headers` by client number."""
        rows = np.concatenate(self._rows) if self._rows else np.zeros((0, 4), dtype=np.int64)
        headers = pa.array(
            [list(h.items()) for h in self._headers], pa.map_(pa.string(), pa.string())
        )
        ja4 = pc.call_function(
            "binary_join_element_wise",
            [
                pa.scalar("t13d1516h2"),
                digests("", rows[:, 2], self._seed, 12),
                digests("", rows[:, 2] // 10, self._seed + 1, 12),
                pa.scalar("_"),
            ],
        )
        return {
            "user_agent": pa.array(self._agents).take(pa.array(rows[:, 0])),
            "ja4": ja4,
            "device_id": identifiers("", rows[:, 3], self._seed + 2, 24),
            "headers": headers.take(pa.array(rows[:, 1])),
        }
