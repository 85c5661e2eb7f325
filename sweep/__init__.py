"""Sweeps: many training runs, dispatched by Ray Tune, searched by Optuna, tracked in MLflow."""
