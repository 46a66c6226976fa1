"""Requests from their record to their answer: checks, rows of the table, intake, completion."""
