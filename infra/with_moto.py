"""Runs a command beside moto's server, whose address it finds in TOLLGATE_AWS_ENDPOINT.

    python3 infra/with_moto.py cargo test --test suite config_sources
"""

import os
import subprocess
import sys

from moto.server import ThreadedMotoServer


def main() -> int:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment = {**os.environ, "TOLLGATE_AWS_ENDPOINT": f"{host}:{port}"}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
