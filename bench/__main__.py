"""All benchmarks one after another, or those named: `python -m bench [bridge] [flow] [request_path]`."""

from __future__ import annotations

import subprocess
import sys

ALL = ("bridge", "flow", "request_path")


def main() -> int:
    """Each in a process of its own. Returns the first exit code that is not 0."""
    chosen = sys.argv[1:] or list(ALL)
    unknown = set(chosen) - set(ALL)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    codes = [subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in chosen]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
