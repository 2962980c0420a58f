"""What a change of a policy tree widens and what it narrows, member by member and rule by rule.

Access is the client that comes to exist: its effective metadata, and for how long. A change widens when somebody can have a
client under NEW that nobody in the same place could have under OLD, by whatever document. So a scope that is no longer allowed,
and therefore dropped, is narrower, although documents that asked for it may now pass a rule that refused it: what they get could
be had before by asking for less. Where that is not sure, because a condition looks at the very member, the change may widen. What
a client gets that asks for nothing, and what is dropped instead of refused, count as well, although it could be had by asking.

Comparison is exact for sets, numbers, modes, dates and lifetimes. An expression is compared as a tree, with the constants,
variables and networks that it reads: equal, or a conjunct was added or taken away; everything else may widen. What is reported as
narrower or neutral never widens; what is reported as "may widen" need not.

A limit widens when it lets a sequence of registrations through that it would have stopped before, with what is counted already:
another id or another key begins to count anew. An update (RFC 7592) widens like a registration, and by the profiles that it may
come from.

Not considered: the budget of a decision (an expression that costs less leaves more for others), the order of violations, and that
a shorter life makes room sooner in a limit on clients at a time.
"""

from registrar.review.difference.differences import Difference, Direction, Side
from registrar.review.difference.trees import compare

__all__ = ["Difference", "Direction", "Side", "compare"]
