"""What the public document says of its 139 profiles, for tests; see the head of facts.yaml."""

from pathlib import Path
from typing import Any

import yaml

FACTS: dict[str, dict[str, Any]] = yaml.load(
    Path(__file__).with_name("facts.yaml").read_text(encoding="utf-8"),
    Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),
)

#: Examples of the document that lie outside their own ranges: profile -> field. The range stands.
CONTRADICTED = {
    "arnavi4": "min_tracking_interval",
    "concox_qbit": "gps_tracking_interval",
    "tt1": "psm_interval",
}

#: Fields without "optional" that the document's own words require under a condition only.
CONDITIONAL = {
    "atrack": {"on_stop_tracking_interval"},
    "cguard_asset": {"wakeup_day", "wakeup_time", "wakeup_period", "moving_detection"},
    "yatut_poisk": {"main_wakeup_time"},
}
