"""The same counter, the same kills: Faust's own exactly_once, and the layer of streams/exactly_once."""
