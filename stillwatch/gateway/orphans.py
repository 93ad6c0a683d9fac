"""No process outlives the one that started it, even if that was killed."""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_EVERY_S = 1.0


def end_with_parent(parent: int) -> None:
    """End this process, from a thread, soon after the process `parent` is gone.

    Ctrl-C reaches all of a terminal's processes; it is left to the one that started them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os._exit(0)

    threading.Thread(target=look, name="parent", daemon=True).start()
