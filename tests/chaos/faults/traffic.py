"""Traffic that is not spread evenly."""

from tests.chaos.faults.fault import Fault


class HotRestaurant(Fault):
    """One restaurant has 80 % of the traffic."""

    name = "hot restaurant"
    seconds = (6.0, 9.0)

    async def strike(self) -> None:
        self.undo.callback(setattr, self.world, "hot", False)
        self.world.hot = True


FAULTS = (HotRestaurant,)
