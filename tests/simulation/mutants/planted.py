"""The list of bugs that are planted into the simulation."""

from tests.support.planting import Mutants

MUTANTS = Mutants()
mutant = MUTANTS.caught_by
