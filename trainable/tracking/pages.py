"""Pages of MLflow's user interface that show several runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from trainable.tracking.links import TRAINING_VIEW, command_and_address
from trainable.tracking.names import mlflow_name


@dataclass(frozen=True)
class TrackingPages:
    """Addresses of pages about the runs of one experiment, as MLflow 3.17 makes them itself.

    Attributes:
        uri: tracking server, without credentials.
        experiment_id: the experiment on that server.
    """

    uri: str
    experiment_id: str

    @property
    def command(self) -> str | None:
        """What starts a server at which the pages can be seen; none where there is one."""
        return command_and_address(self.uri, "")[0]

    def run(self, run_id: str) -> str:
        """One run, by its id on the server."""
        return self._address(f"experiments/{self.experiment_id}/runs/{run_id}?{TRAINING_VIEW}")

    def compare(self, run_ids: Sequence[str]) -> str:
        """Parameters and metrics of some runs side by side."""
        return self._address(f"compare-runs?{self._of_runs(run_ids)}&{TRAINING_VIEW}")

    def metric(self, run_ids: Sequence[str], metric: str) -> str:
        """One metric of some runs over their steps."""
        name = mlflow_name(metric)
        choice = f"metric={_json(name)}&plot_metric_keys={_json([name])}&x_axis=step&show_point=true"
        return self._address(f"metric?{self._of_runs(run_ids)}&{choice}&{TRAINING_VIEW}")

    def _of_runs(self, run_ids: Sequence[str]) -> str:
        """What names the runs; it must come first in an address, where MLflow looks for a key `?runs`."""
        return f"runs={_json(list(run_ids))}&experiments={_json([self.experiment_id])}"

    def _address(self, page: str) -> str:
        return command_and_address(self.uri, f"#/{page}")[1]


def _json(value: object) -> str:
    """JSON as a part of an address; without blanks, so that terminals take the address as one."""
    return quote(json.dumps(value, separators=(",", ":")), safe="")
