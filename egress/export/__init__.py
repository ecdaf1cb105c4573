"""Facts into files for the data team: each once, whatever happens to the process."""
