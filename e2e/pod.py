"""A real jaguard process on loopback."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import urllib.request

# Guards against hanging for ever; no test waits for it.
DEADLINE_S = 60


class Pod:
    """A running pod that is a member of its world. Its configuration is `keys`, passed as JAGUAR_* variables."""

    def __init__(self, name, **keys):
        keys = {"bind_address": "127.0.0.1", "grpc_port": 0, "metrics_port": 0, "pod_name": name, **keys}
        variables = {f"JAGUAR_{key.upper()}": str(value) for key, value in keys.items()}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("JAGUAR_")}
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [os.environ["JAGUARD"]], env={**inherited, **variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log
        )
        guard = threading.Timer(DEADLINE_S, self._process.kill)
        guard.start()
        try:
            ready = self._ready_line()
        except AssertionError:
            self.kill()
            raise
        finally:
            guard.cancel()
        self.grpc, self.http, self.number = ready["grpc"], ready["http"], ready["pod"]

    def _ready_line(self):
        for line in self._process.stdout:
            try:
                ready = json.loads(line)
            except ValueError:
                continue
            if isinstance(ready, dict) and ready.get("event") == "ready":
                return ready
        raise AssertionError(f"jaguard ended before it was ready; it said:\n{self.log()}")

    def log(self):
        """All that the pod has logged."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def metrics(self):
        """All metrics in Prometheus' text format."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=DEADLINE_S) as answer:
            return answer.read().decode()

    def drain(self):
        """Sends SIGTERM and returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        self._process.stdout.close()
        return self._process.wait(DEADLINE_S)

    def kill(self):
        """Ends the process if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
