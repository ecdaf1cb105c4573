"""The fault campaign: the whole product, real processes, real servers, clients that retry, faults by seed."""
