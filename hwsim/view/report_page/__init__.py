"""A report as one page that asks no network."""
