"""The configuration: RVT's groups and spelling, composed once, validated and frozen."""

from trainable.config.compose import compose
from trainable.config.schema import Config, configuration_keys, validate_config

__all__ = ["Config", "compose", "configuration_keys", "validate_config"]
