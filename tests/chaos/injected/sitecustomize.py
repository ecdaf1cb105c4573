"""Read by Python at the start of a process whose PYTHONPATH has this folder: its clock is off."""

import os
import time

shift = float(os.environ.get("CHAOS_CLOCK_SHIFT", "0"))
true_time, true_time_ns = time.time, time.time_ns
time.time = lambda: true_time() + shift
time.time_ns = lambda: true_time_ns() + int(shift * 1e9)
