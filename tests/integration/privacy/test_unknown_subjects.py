"""What `promo forget` and `promo customer forget` do with an id that no order has."""

import asyncio

import pytest
from msgspec.structs import replace

from ingress.__main__ import main
from ingress.privacy import customer_ids, erasure
from ingress.privacy.erasure import Erasure, UnknownSubjectError
from ingress.privacy.keyring import Keyring
from ingress.privacy.keyring_log import read_keyring
from ingress.privacy.wrapping import Wrapping
from schemas import codec
from schemas.commands import CustomerRef, Payment, PlaceOrder
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_producer
from schemas.runtime.kafka_sessions import started
from schemas.topics import ORDER_COMMANDS, ORDER_CREATED
from tests.integration.privacy.test_keyring_log import ORDERS, SECRET, create_topic, following, keyring_topic

__all__ = ["keyring_topic"]
CUSTOMER, STRANGER = ("c_" + letter * 26 for letter in "ab")
PHONE = "+5581999990000"


async def test_keys_of_what_no_order_has_are_kept(
    keyring_topic: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither an order, a customer nor a phone with a typing error is said to be forgotten; `force` forgets it.

    A request that was refused, or is not decided, counts: its data is sealed too.
    """
    connection = KafkaConnection(keyring_topic)
    for topic in (ORDER_COMMANDS, ORDER_CREATED):
        own = replace(topic, name=f"{topic.name}-{keyring_topic.rpartition(':')[2]}-{id(monkeypatch)}")
        monkeypatch.setattr(erasure, "ORDER_COMMANDS" if topic is ORDER_COMMANDS else "ORDER_CREATED", own)
        await create_topic(keyring_topic, own.name, {})
    command = PlaceOrder(ORDERS[0], "r1", "h", "f", [], Payment("pix"), CustomerRef(CUSTOMER, "phone"))
    async with started(make_producer(connection)) as producer:
        headers = codec.headers(PlaceOrder, "e1", b"")
        record = codec.encode(command)
        await producer.send_and_wait(erasure.ORDER_COMMANDS.name, record, key=b"r1", headers=headers)
    async with following(keyring_topic):
        pass
    command_line = Erasure(connection, Keyring(Wrapping(SECRET)), 60)
    of_phone = await command_line.find_customer(PHONE)
    for forgetting, unknown in (
        (command_line.forget_orders({ORDERS[0], ORDERS[1]}), ORDERS[1]),
        (command_line.forget_customer(of_phone, PHONE), of_phone),
    ):
        with pytest.raises(UnknownSubjectError, match=unknown):
            await forgetting
    monkeypatch.setenv("PROMO_KAFKA_BOOTSTRAP_SERVERS", keyring_topic)
    monkeypatch.setenv("PROMO_PRIVACY_SECRET", SECRET)
    assert await asyncio.to_thread(main, ["customer", "forget", STRANGER]) == 1
    printed = capsys.readouterr()
    assert "forgotten" not in printed.out and f"{STRANGER}: nothing was destroyed. --force" in printed.err
    assert await command_line.forget_customer(CUSTOMER)
    after = Keyring(Wrapping(SECRET))
    await read_keyring(connection, after)
    assert not after.is_forgotten(ORDERS[0]) and not after.is_forgotten(ORDERS[1])
    forgotten = [
        one for one in (CUSTOMER, STRANGER, of_phone) if after.is_person_forgotten(customer_ids.key_name(one))
    ]
    assert forgotten == [CUSTOMER]
    assert await command_line.forget_customer(STRANGER, force=True)
    assert command_line._keyring.is_person_forgotten(customer_ids.key_name(STRANGER))
