"""The broker's folder."""

from pathlib import Path

from compose.kafka import broker


def test_folder_keeps_its_cluster_under_another_port(tmp_path: Path) -> None:
    """Data survives a change of PROMO_KAFKA_PORT."""
    broker.prepare(tmp_path, 20000)
    identity = (tmp_path / "log" / "meta.properties").read_text()
    broker.prepare(tmp_path, 30000)
    assert (tmp_path / "log" / "meta.properties").read_text() == identity
    settings = (tmp_path / "broker.properties").read_text()
    assert "listeners=PLAINTEXT://127.0.0.1:30000,CONTROLLER://127.0.0.1:30001" in settings
    assert "$" not in settings.replace("${port} and ${controller_port}", "")


def test_two_folders_are_two_clusters(tmp_path: Path) -> None:
    """A client must not mistake one stack for another."""
    identities = set()
    for name in ("a", "b"):
        broker.prepare(tmp_path / name, 20000)
        identities.add((tmp_path / name / "log" / "meta.properties").read_text())
    assert len(identities) == 2
