"""The mapping that fits the sample day and a fresh simulated portal."""

from pathlib import Path

__all__ = ["MAPPING_FILE"]

MAPPING_FILE = Path(__file__).with_name("mapping.toml")
