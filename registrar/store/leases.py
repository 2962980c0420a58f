"""Who does what only one node may do at a time."""

from registrar.store.access import Access


class Leases(Access):
    """A lease is somebody's until it runs out or is given back. Ask for much more time than clocks of nodes differ."""

    def lease(self, name: str, holder: str, now: int, seconds: int) -> bool:
        """Take or prolong the lease `name` until `now` + `seconds` (epoch seconds); False while somebody else has it."""
        values = (name, holder, now + seconds, now)
        return self._write(lambda transaction: transaction.change(self._sql.take_lease, values)) == 1

    def release(self, name: str, holder: str) -> None:
        """Give the lease back, if `holder` has it."""
        self._write(lambda transaction: transaction.execute(self._sql.release_lease, (name, holder)))
