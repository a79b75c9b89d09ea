"""What the benchmark programs share: building guests, timing a command, fetching the comparison engine."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

CACHE = ROOT / "build" / "bench"
"""Where fetched and built things stay between runs."""
