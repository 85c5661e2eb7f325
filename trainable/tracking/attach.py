"""Attaching files to a run that is on a tracking server already, such as a report to its sweep's parent run."""

from pathlib import Path, PurePosixPath

from trainable.errors import TrackingError
from trainable.tracking.client_environment import client_environment
from trainable.tracking.links import public_uri, resolve_uri, sqlite_path


def attach_files(uri: str, mlflow_run_id: str, directory: Path, artifact_path: str) -> None:
    """Upload all files of a folder to a run's artifacts; files of the same names there are replaced, others stay.

    Args:
        uri: Address of the server or database, credentials included.
        mlflow_run_id: The run's id on the server.
        directory: The folder, whose own name does not matter.
        artifact_path: Folder of the run's artifacts to put them in; empty for the outermost one.

    Raises:
        TrackingError: There is no such folder, database or run, or the server does not take the files.
    """
    uri = resolve_uri(uri)
    database = sqlite_path(uri)
    if database is not None and not database.is_file():
        raise TrackingError(f"expected MLflow's SQLite database at {database}, found no such file; check the address")
    if not directory.is_dir():
        raise TrackingError(f"expected a folder with files to attach at {directory}, found none; check the path")
    if PurePosixPath(artifact_path).is_absolute() or ".." in PurePosixPath(artifact_path).parts:
        raise TrackingError(
            f"files can be attached inside of a run's artifacts only, got {artifact_path!r}; give a relative path"
        )
    with client_environment():
        from mlflow import MlflowClient  # slow: imports MLflow

        from trainable.tracking.mlflow_run import server_errors

        with server_errors(uri):
            client = MlflowClient(uri)
            run = client.get_run(mlflow_run_id)
            if run.info.lifecycle_stage != "active":
                raise TrackingError(
                    f"the run {mlflow_run_id} was deleted on {public_uri(uri)}, so nothing can be attached to it; "
                    f"restore it there with `mlflow runs restore --run-id {mlflow_run_id}`"
                )
            client.log_artifacts(mlflow_run_id, str(directory), artifact_path or None)
