"""The gateway at the portal's limit: `python -m bench.portal [row ...]`, one file a row."""
