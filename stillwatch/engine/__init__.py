"""Where stages run: threads and an embedded DuckDB here, a Spark cluster there."""
