"""The typed arguments of components are those of the models."""

from tests.support.typed_arguments import FILE, source


def test_the_generated_file_is_fresh():
    assert FILE.read_text(encoding="utf-8") == source()
