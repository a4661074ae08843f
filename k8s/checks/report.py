"""What a check says: nothing when all is well, else one line for each complaint."""

import time
from collections.abc import Callable, Iterable


class Skipped(Exception):
    """The machine lacks what the check needs; the message says what."""


class Report:
    """Runs checks one by one, prints what each found, and counts."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def run(self, name: str, check: Callable[[], Iterable[str]]) -> None:
        """Runs one check. Every line it yields is a complaint; a check that ends without one has passed."""
        began = time.monotonic()
        try:
            complaints = list(check())
        except Skipped as reason:
            self.skip(name, reason)
            return
        except Exception as error:  # One check that cannot be carried out must not hide the others.
            complaints = [f"{type(error).__name__}: {error}"]
        seconds = time.monotonic() - began
        if not complaints:
            self.passed += 1
            print(f"ok      {name} ({seconds:.1f} s)", flush=True)
            return
        self.failed += 1
        print(f"FAILED  {name} ({seconds:.1f} s)", flush=True)
        for complaint in complaints:
            print("        " + complaint.replace("\n", "\n        "), flush=True)

    def skip(self, name: str, reason: Skipped) -> None:
        """Counts a check that this machine cannot run, and says why."""
        self.skipped += 1
        print(f"SKIPPED {name}: {reason}", flush=True)

    def close(self) -> int:
        """Prints the totals and gives the exit code."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0
