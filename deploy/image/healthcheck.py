"""Ask the service whether it is ready; ends with 0 if so, and says why if not.

On the service's own port: ``PORT_VARIABLE`` names the setting that holds it.
"""

import os
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

# Below the image's own time-out, so that the reason is told.
WITHIN_S = 4.0


def why_not(environ: Mapping[str, str]) -> str | None:
    """What keeps the service from being ready; None: nothing. Waits 4 s at most."""
    port = environ[environ["PORT_VARIABLE"]]
    connection = HTTPConnection("127.0.0.1", int(port), timeout=WITHIN_S)
    try:
        connection.request("GET", environ.get("READY_PATH", "/readyz"))
        answer = connection.getresponse()
        words = answer.read(200).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"no answer on port {port}: {error!r}"
    finally:
        connection.close()
    return None if answer.status == 200 else f"{answer.status} {words}"


if __name__ == "__main__":
    sys.exit(why_not(os.environ))
