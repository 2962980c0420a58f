"""The policy trees that decided, whole, and when they were in force."""

from collections.abc import Mapping

from registrar.store.access import Access
from registrar.store.records import Activation
from registrar.store.rows import activation_of
from registrar.store.transaction import Transaction


class Revisions(Access):
    """The verbs about policy revisions."""

    def activate(self, revision: str, files: Mapping[str, bytes], *, at: int, commit: str = "", dirty: bool = False) -> None:
        """Note that `revision` came into force at `at` (epoch seconds), and keep its files if they are not kept yet.

        Nothing is noted when the newest activation is of this revision, commit and state already: workers and restarts
        repeat it. Nor when it is of this revision and nobody knows a commit: that takes nothing back.
        """
        sql = self._sql

        def work(transaction: Transaction) -> None:
            self._keep(transaction, revision, files)
            newest = [activation_of(row) for row in transaction.fetch(sql.select_last_activation, (1,))]
            known = {(one.revision, one.commit, one.dirty) for one in newest} | {(one.revision, "", False) for one in newest}
            if (revision, commit, dirty) not in known:
                transaction.execute(sql.insert_activation, (revision, at, commit, dirty))

        self._write(work)

    def keep(self, revision: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of a `revision` that decides without coming into force, if they are not kept yet."""
        self._write(lambda transaction: self._keep(transaction, revision, files))

    def revision(self, revision: str) -> dict[str, bytes] | None:
        """The files of a revision that once decided, by path; None for any other."""
        if self._one(self._sql.select_revision, (revision,)) is None:
            return None
        return {path: bytes(content) for path, content in self._all(self._sql.select_revision_files, (revision,))}

    def activations(self) -> tuple[Activation, ...]:
        """Which revision came into force when, oldest first."""
        return tuple(map(activation_of, self._all(self._sql.select_activations)))

    def _keep(self, transaction: Transaction, revision: str, files: Mapping[str, bytes]) -> None:
        transaction.execute(self._sql.insert_revision, (revision,))
        for path, content in sorted(files.items()):
            transaction.execute(self._sql.insert_revision_file, (revision, path, content))
