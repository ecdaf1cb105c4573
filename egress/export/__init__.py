"""Export of the facts to Parquet files, each fact exactly once."""
