"""How properties are tested: with new examples on a developer's machine, with the same ones in every run of CI."""

import os

from hypothesis import HealthCheck, settings

# A busy machine is no finding.
settings.register_profile("developer", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("developer"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "developer")
