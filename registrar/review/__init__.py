"""What people ask of a policy tree before and after they deploy it, answered from the compiled tree and by its own `decide`.

`explain` takes one decision apart; `lint` finds what loads and is doubtful all the same; `outline` and `matrix` tell a tree in
words; `difference` says what a change widens; `replay` decides again what was recorded. Pure, like the policies themselves.
"""
