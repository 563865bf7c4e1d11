"""A second opinion on costs: a session is priced by walking it second by second.

Written from OCPI 2.2.1 alone, and without a look at the engine that it judges. It is meant to be
plain rather than quick: nothing is split into periods, nothing is skipped. `README.md` beside this
file lists what the standard leaves open and what is chosen here.
"""
