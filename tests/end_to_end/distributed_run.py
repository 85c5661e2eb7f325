"""Trains with two processes on the CPU; started by torchrun with a run's overrides as arguments."""

import sys

from trainable.config import compose
from trainable.hardware import Devices
from trainable.train import train

if __name__ == "__main__":
    train(compose(sys.argv[1:]), devices=Devices("cpu", (0, 1), "32-true"))
