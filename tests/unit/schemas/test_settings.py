"""Settings are checked all at once, before anything starts; each message says what to write instead."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compose.provider import behaviour
from schemas import settings
from schemas.settings import SettingError, Settings

KEY = "A" * 43


def fault(**given: str) -> str:
    with pytest.raises(SettingError) as caught:
        settings.read({f"PROMO_{name}": text for name, text in given.items()})
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("HTTP_PORT", "eighty", "a whole number from 1 to 65535"),
        ("HTTP_PORT", "80.5", "a whole number from 1 to 65535"),
        ("HTTP_PORT", "", "a whole number from 1 to 65535"),
        ("HTTP_PORT", "99999", "a whole number from 1 to 65535"),
        ("HTTP_PORT", "0", "a whole number from 1 to 65535"),
        ("KAFKA_PORT", "65535", "a whole number from 1 to 65534"),
        ("OPS_PORT", "-1", "a whole number from 0 to 65535"),
        ("PARTITIONS", "0", "a whole number from 1 to 1000"),
        ("PAYMENTS_PROCESSES", "2", "a whole number from 0 to 1"),
        ("ORDER_REPLY_TIMEOUT_SECONDS", "31", "a number from 0 to 30"),
        ("TICK_SECONDS", "0", "a number above 0"),
        ("TICK_SECONDS", "nan", "a number above 0"),
        ("SESSION_TIMEOUT_SECONDS", "inf", "a number of at least 1"),
        ("OTEL_ENABLED", "yes", "1 or 0"),
        ("LOG_LEVEL", "verbose", "DEBUG, INFO, WARNING or ERROR"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", "host:port, or several separated by commas"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:0", "host:port, or several separated by commas"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:99999", "host:port, or several separated by commas"),
        ("HTTP_HOST", "", "a host name or an IP address"),
        ("HTTP_HOST", "http://localhost", "a host name or an IP address"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "CIDR networks"),
        ("RATE_LIMIT_EXEMPT_NETWORKS", "10.0.0.0/8;::1/128", "CIDR networks"),
        ("FEED_ORIGINS", "shop.example", "origins separated by commas"),
        ("VAPID_SUBJECT", "ops@shop.example", "a mailto: or https: URL"),
        ("PROVIDER_BEHAVIOUR", "{", "a JSON object"),
        ("PROVIDER_BEHAVIOUR", "[]", "a JSON object"),
        ("DATA_DIR", "", "the path of a folder"),
        ("PROVIDER_TOKEN_FILE", "secrets/token", "the absolute path of a file"),
        ("INSTANCE", "egress/2", "letters, digits"),
        ("FAILPOINT", "after-commit:0", "point or point:count"),
    ],
)
def test_a_bad_value_is_named_with_what_is_expected(name: str, text: str, expected: str) -> None:
    """Type, range, choice and format."""
    assert fault(**{name: text}).startswith(f"PROMO_{name}={text!r}: expected {expected}")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("REDIS_URL", "http://:s3cret@redis", "a redis://host:port/db URL"),
        ("REDIS_URL", "redis://:s3cret@redis:99999", "a redis://host:port/db URL"),
        ("REDIS_URL", "redis://", "a redis://host:port/db URL"),
        ("PROVIDER_URL", "ftp://user:s3cret@pay", "an http:// or https:// URL"),
        ("VAPID_PRIVATE_KEY", "s3cret", "32 bytes in base64url"),
        ("PROVIDER_TOKEN", "s3cret of two", "one token of printable characters without spaces"),
        ("ADMIN_TOKEN", " , ", "one secret, or several separated by commas"),
        ("TOKEN_SECRET", " ", "one secret, or several separated by commas"),
        ("PRIVACY_SECRET", ",", "one secret, or several separated by commas"),
    ],
)
def test_a_bad_value_that_may_hold_a_secret_is_not_quoted(name: str, text: str, expected: str) -> None:
    """Messages end up in logs."""
    assert fault(**{name: text}) == f"PROMO_{name}: expected {expected}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", ""),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092, [::1]:9093"),
        ("REDIS_URL", "rediss://user:pass@redis.example:6380/2"),
        ("REDIS_URL", "redis://redis"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("PROVIDER_URL", "https://pay.example/v1"),
        ("HTTP_HOST", "::"),
        ("OPS_PORT", "0"),
        ("TRUSTED_PROXIES", ""),
        ("TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
        ("FEED_ORIGINS", "*"),
        ("FEED_ORIGINS", "https://shop.example,capacitor://localhost"),
        ("VAPID_PRIVATE_KEY", KEY),
        ("VAPID_SUBJECT", "https://shop.example/contact"),
        ("PROVIDER_BEHAVIOUR", ""),
        ("PROVIDER_BEHAVIOUR", '{"decline": 0.5}'),
        ("FAILPOINT", "after-commit:3"),
        ("OTEL_ENABLED", "true"),
        ("LOG_LEVEL", "DEBUG"),
    ],
)
def test_a_good_value_is_accepted(name: str, text: str) -> None:
    """Every form that the documents name."""
    settings.read({f"PROMO_{name}": text})


@pytest.mark.parametrize("text", ["1e3", "8.0", "+8", "1_0", "1001"])
def test_partitions_are_a_whole_number_in_bounds(text: str) -> None:
    """msgspec reads 1e3 as a whole number; Kafka refuses a thousand topics' worth of partitions."""
    assert fault(PARTITIONS=text) == f"PROMO_PARTITIONS={text!r}: expected a whole number from 1 to 1000"


def test_every_number_has_a_lower_bound() -> None:
    """A number without a range would be described as `of at least None`, and could be negative."""
    assert [name for name, _, meaning in settings.describe() if "None" in meaning] == []


def test_values_have_the_type_of_their_field() -> None:
    """Text of the environment becomes int, bool or float."""
    read = settings.read({"PROMO_HTTP_PORT": "80", "PROMO_EDGE_ENABLED": "1", "PROMO_TICK_SECONDS": "2"})
    assert read == Settings(http_port=80, edge_enabled=True, tick_seconds=2.0)


@pytest.mark.parametrize(
    ("name", "closest"),
    [("HTTP_PORTS", "HTTP_PORT"), ("OTEL", "OTEL_ENABLED"), ("ADMINTOKEN", "ADMIN_TOKEN")],
)
def test_an_unknown_name_is_a_fault_that_names_the_closest(name: str, closest: str) -> None:
    """A misspelt setting would otherwise be ignored."""
    assert fault(**{name: "1"}) == f"PROMO_{name}: there is no such setting; did you mean PROMO_{closest}?"


def test_an_unknown_name_that_resembles_none_names_the_list() -> None:
    """A far-fetched proposal would mislead."""
    assert "promo settings" in fault(XYZ="1")


def test_names_of_tests_and_tools_are_no_faults() -> None:
    """And variables without our prefix."""
    others = ("PROMO_TEST_KAFKA", "PROMO_BENCH", "PROMO_IMAGE", "PROMO_URL", "PATH", "promo_foo")
    assert settings.read(dict.fromkeys(others, "x")) == Settings()


def test_variables_of_kubernetes_services_are_no_faults() -> None:
    """The Service promo-redis of our manifests would set PROMO_REDIS_PORT to a URL."""
    links = {
        "PROMO_REDIS_SERVICE_HOST": "10.0.0.7",
        "PROMO_REDIS_SERVICE_PORT": "6379",
        "PROMO_REDIS_PORT": "tcp://10.0.0.7:6379",
        "PROMO_REDIS_PORT_6379_TCP_ADDR": "10.0.0.7",
    }
    assert settings.read(links) == Settings()
    assert settings.read(links | {"PROMO_REDIS_PORT": "6380"}).redis_port == 6380
    with pytest.raises(SettingError, match="PROMO_REDIS_PORT"):
        settings.read({"PROMO_REDIS_PORT": "tcp://10.0.0.7:6379"})


def test_each_ingress_process_needs_a_reply_partition() -> None:
    """They send and receive replies by a partition of their own."""
    assert "PROMO_REPLY_PARTITIONS" in fault(INGRESS_PROCESSES="17")
    assert settings.read({"PROMO_INGRESS_PROCESSES": "17", "PROMO_REPLY_PARTITIONS": "17"})


def test_all_faults_come_in_one_message() -> None:
    """Also those that only one process checks."""
    with pytest.raises(SettingError) as caught:
        settings.read(
            {
                "PROMO_HTTP_PORT": "99999",
                "PROMO_FOO": "1",
                "PROMO_LOG_LEVEL": "verbose",
                "PROMO_PROVIDER_BEHAVIOUR": '{"declin": 1}',
            },
            checks=[behaviour.faults],
        )
    first, *lines = str(caught.value).splitlines()
    assert first == "4 settings have faults:"
    assert [line.split("=")[0].split(":")[0].strip() for line in lines] == [
        "PROMO_HTTP_PORT",
        "PROMO_FOO",
        "PROMO_LOG_LEVEL",
        "PROMO_PROVIDER_BEHAVIOUR",
    ]
    assert "declin" in lines[-1]


def test_every_setting_has_a_meaning_with_its_values_and_unit() -> None:
    """An empty default is explained."""
    for name, default, meaning in settings.describe():
        assert meaning and (default or "empty" in meaning or name == "PROMO_FEED_ORIGINS"), name
        if name.endswith("_SECONDS"):
            assert "seconds" in meaning and "number" in meaning, name


@pytest.mark.parametrize(
    "process", ["ingress", "streams", "egress", "compose", "compose.provider", "compose.kafka.topics"]
)
def test_every_process_ends_with_code_2_and_names_all_faults(process: str) -> None:
    """Nothing is started, and no traceback is shown."""
    arguments = ["up"] if process == "compose" else []
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PROMO_")}
    done = subprocess.run(
        [sys.executable, "-m", process, *arguments],
        env=clean | {"PROMO_HTTP_PORT": "99999", "PROMO_LOG_LEVEL": "verbose", "PROMO_HTTP_PORTS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for name in ("PROMO_HTTP_PORT=", "PROMO_LOG_LEVEL=", "PROMO_HTTP_PORTS:"):
        assert name in done.stderr


@pytest.mark.parametrize("command", ["ps", "down"])
def test_a_wrong_setting_keeps_no_stack_from_being_stopped(tmp_path: Path, command: str) -> None:
    """Both need the data folder only."""
    done = subprocess.run(
        [sys.executable, "-m", "compose", command],
        env=os.environ | {"PROMO_DATA_DIR": str(tmp_path), "PROMO_HTTP_PORT": "99999", "PROMO_FOO": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_list_of_settings_is_shown_although_one_is_faulty() -> None:
    """The message about a fault refers to it."""
    done = subprocess.run(
        [sys.executable, "-m", "compose", "settings"],
        env=os.environ | {"PROMO_FOO": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and "PROMO_HTTP_PORT" in done.stdout
