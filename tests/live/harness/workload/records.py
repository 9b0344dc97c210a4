"""Write down what happened in which process, one JSON object a line, in a file that survives every kill."""

import json
import os
import time
from typing import Any

from django.conf import settings

FOLDER = settings.BASE_DIR / "records"


def record(event: str, **details: Any) -> None:
    line = json.dumps({"event": event, "pid": os.getpid(), "time": time.time(), **details})
    FOLDER.mkdir(exist_ok=True)
    # One write to a file opened for appending: lines of several processes do not mix.
    descriptor = os.open(FOLDER / "log.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)
