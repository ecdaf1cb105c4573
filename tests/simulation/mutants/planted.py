"""The list of what is planted into the simulation."""

from tests.planting import Mutants

MUTANTS = Mutants()
mutant = MUTANTS.caught_by
