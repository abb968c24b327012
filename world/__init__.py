"""The simulated internet of demo and tests: a name server, and a mail exchanger that judges what it gets.

    world = World()                          # network `mailtenant-world`, 10.99.0.0/16
    world.up(places_of([load_stack_file(path)]))
    world.outside().wait_for("someone@elsewhere.test", subject="hello").verdicts.dmarc.result
    world.down()

Nothing in it can reach the real internet, and no name of it exists there.
"""

from world.layout import Layout
from world.places import TenantPlace, places_of
from world.simulation import World, WorldError

__all__ = ["Layout", "TenantPlace", "World", "WorldError", "places_of"]
