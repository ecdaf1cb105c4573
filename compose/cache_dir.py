"""Where downloads are kept between runs."""

import os
from pathlib import Path


def folder() -> Path:
    """Return the cache folder, which may not exist yet; XDG_CACHE_HOME is honoured."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "promo-relampago"
