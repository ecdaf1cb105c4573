"""The messages of a restaurant's feed, as its clients see them (ingress/live/board_stream.py writes them)."""

from msgspec import UNSET, Struct, UnsetType

from ingress.live.board import Dashboard, Portions, Row, Stats


class FeedSnapshot(Struct, frozen=True, tag="snapshot"):
    """The whole board; first, unless the feed goes on."""

    sequence: str
    dashboard: Dashboard


class FeedChange(Struct, frozen=True, tag="change"):
    """What has changed."""

    sequence: str
    order: Row | UnsetType = UNSET
    portions: list[Portions] | UnsetType = UNSET
    stats: Stats | UnsetType = UNSET


class FeedStatus(Struct, frozen=True, tag="status"):
    """About once a second: how old the board is."""

    as_of: str
    degraded: bool
