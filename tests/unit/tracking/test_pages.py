import json
from urllib.parse import parse_qs, urlsplit

from trainable.tracking import TrackingPages


def parts(address: str) -> tuple[str, str, dict[str, object]]:
    """Server, page, and the values in the page's query, JSON where it is."""
    url = urlsplit(address)
    page, _, query = url.fragment.partition("?")
    values = {name: value for name, (value,) in parse_qs(query).items()}
    return (
        f"{url.scheme}://{url.netloc}",
        page,
        {name: json.loads(value) if value[0] in '["' else value for name, value in values.items()},
    )


def test_pages_of_a_server_name_runs_experiment_and_metric() -> None:
    pages = TrackingPages("http://tracking:5000", "3")
    assert pages.command is None
    server, page, values = parts(pages.compare(["a1", "b2"]))
    assert (server, page) == ("http://tracking:5000", "/compare-runs")
    assert values == {"workflowType": "machine_learning", "runs": ["a1", "b2"], "experiments": ["3"]}
    assert pages.compare(["a1"]).partition("?")[2].startswith("runs=")  # MLflow finds it nowhere else
    assert pages.metric(["a1"], "AP").partition("?")[2].startswith("runs=")
    server, page, values = parts(pages.metric(["a1"], "prophesee/AP[0]"))
    assert page == "/metric"
    assert str(values["metric"]).startswith("prophesee/AP_0__")
    assert values["plot_metric_keys"] == [values["metric"]]
    assert values["x_axis"] == "step"
    assert parts(pages.run("a1"))[1] == "/experiments/3/runs/a1"


def test_pages_of_a_database_come_with_the_command_that_shows_them() -> None:
    pages = TrackingPages("sqlite:////data/mlflow.db", "1")
    assert pages.command == "mlflow server --backend-store-uri sqlite:////data/mlflow.db"
    assert pages.compare(["a", "b"]).startswith("http://127.0.0.1:5000/#/compare-runs?")


def test_addresses_can_be_pasted_into_a_shell_and_a_browser() -> None:
    address = TrackingPages("http://tracking:5000", "3").metric(["a"], "AP of two wheeler")
    assert not set(address) & set(' "[]{}')
