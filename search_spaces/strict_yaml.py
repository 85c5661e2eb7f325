"""YAML in which `1e-5` is a number and a key that stands twice is a mistake."""

import re
from collections.abc import Hashable

import yaml


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, stricter with keys and closer to YAML 1.2 with numbers."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key `{key_node.value}` stands here twice", key_node.start_mark
                    )
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


# PyYAML follows YAML 1.1, where 1e-5 without a point is a text.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str) -> object:
    """Read one YAML document.

    Raises:
        yaml.YAMLError: If the text is not YAML, or a key stands twice in one mapping.
    """
    return yaml.load(text, _StrictLoader)
