"""Personal data of orders: sealed on the way in, opened for the parties that may read it, and erased by destroying its key."""
