"""Shifts the clock of a process: Python imports this module at start if PYTHONPATH has this folder."""

import os
import time

shift = float(os.environ.get("CHAOS_CLOCK_SHIFT", "0"))
true_time, true_time_ns = time.time, time.time_ns
time.time = lambda: true_time() + shift
time.time_ns = lambda: true_time_ns() + int(shift * 1e9)
