"""The fault campaign: the whole product in real processes, clients that retry, faults chosen by a seed."""
