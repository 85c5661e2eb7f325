import json

from sweep.assignment import TrialAssignment


def test_an_assignment_travels_as_plain_values() -> None:
    assignment = TrialAssignment(
        index=3,
        name="0003 weight=2",
        config={"model": {"head": {"size_aware_weight": 2.0}}, "hardware": {"gpus": None}},
        directory="/sweeps/a/trials/0003",
        run_id="s-3",
        parent_run_id="s",
        tags={"a": "b"},
        stop_request="/sweeps/a/requests/stop_trials_0003",
        min_free_bytes=5,
        threads=2,
    )
    assert TrialAssignment.from_dict(json.loads(json.dumps(assignment.to_dict()))) == assignment
