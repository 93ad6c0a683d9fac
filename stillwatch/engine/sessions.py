"""Sessions with Spark: through Spark Connect, or of a classic master."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from stillwatch.engine.spark import Spark
from stillwatch.errors import EngineFailed, ExtraMissing

_PATIENCE_S = 15
"""How long a server may take to answer. Spark's own client tries for ten minutes."""

_RETRIES = 6
"""How often a server that stopped answering is tried again, later each time: for a minute or so."""

_ALL_OF_IT = "pip install 'pyspark[connect]>=4.2,<5'"
"""Its extra has what both kinds of sessions need."""


def connect(url: str, shared: Path | None = None) -> Spark:
    """A session of its own on the Spark Connect server at `url`; `ExtraMissing`, `EngineFailed`.

    Workers see the folder `shared`, if there is one, where it is here.
    """
    where = url.split(";", maxsplit=1)[0].rstrip("/")
    builder = _session_builder(where)
    _check_client(where)
    import grpc
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.client.retries import DefaultPolicy

    try:
        with DefaultChannelBuilder(url).toChannel() as channel:
            grpc.channel_ready_future(channel).result(timeout=_PATIENCE_S)
        session = builder.remote(url).create()
        session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES)])
        return Spark(session, where, shared)
    except grpc.FutureTimeoutError as fault:
        raise EngineFailed(
            where,
            f"has no Spark Connect server that answers within {_PATIENCE_S} seconds",
            "Start one there, or correct the host, the port, or the network between",
        ) from fault
    except Exception as fault:
        raise _refused(where, fault, "Check the URL: `sc://host:port`") from fault


def submit(master: str, shared: Path | None = None) -> Spark:
    """A classic session of its own on a master, else like `connect`."""
    builder = _session_builder(master)
    from pyspark.sql.pandas.utils import require_minimum_pandas_version
    from pyspark.util import is_remote_only

    if is_remote_only():
        raise ExtraMissing(
            master,
            "needs all of PySpark, and only its client for Spark Connect is here",
            f"{_ALL_OF_IT} in its place, or name an `sc://host:port`",
        )
    try:
        # Every function of batches asks for it, though ours use none of it.
        require_minimum_pandas_version()
    except ImportError as fault:
        raise ExtraMissing(master, f"needs pandas for PySpark ({fault})", _ALL_OF_IT) from fault
    try:
        quiet = builder.config("spark.ui.showConsoleProgress", "false")
        session = quiet.master(master).appName("stillwatch").getOrCreate()
        return Spark(session.newSession(), master, shared)
    except Exception as fault:
        if "stopped SparkContext" in str(fault):
            raise EngineFailed(
                master,
                "has no Spark master that took the application",
                "Start one there, or correct the host, the port, or the network between",
            ) from fault
        raise _refused(master, fault, "Check that a Spark master runs there") from fault


def _session_builder(where: str) -> Any:
    # PySpark says of pandas 3, whenever it meets it, that it isn't wholly supported.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    try:
        import pyspark.sql
    except ImportError as fault:
        raise ExtraMissing(
            where, f"needs PySpark ({fault})", "pip install 'stillwatch[spark]'"
        ) from fault
    return pyspark.sql.SparkSession.Builder()


def _check_client(where: str) -> None:
    """Spark Connect's client needs more than a classic session does; `ExtraMissing`."""
    import pyspark

    # The client alone has no Spark at home, and its own check of what it needs asks where.
    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    try:
        import pyspark.sql.connect.session
    except ImportError as fault:
        raise ExtraMissing(
            where, f"needs the client of Spark Connect ({fault})", _ALL_OF_IT
        ) from fault


def _refused(where: str, fault: Exception, todo: str) -> EngineFailed:
    text = " ".join(str(fault).split())
    return EngineFailed(where, f"can't be used as an engine ({text[:300]})", todo)
