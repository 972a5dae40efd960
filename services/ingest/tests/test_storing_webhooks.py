"""Every webhook is kept as it was published, its payload to the byte."""

from typing import Any

from daybook.testing.records import webhook_event
from daybook.testing.waiting import eventually

PAYLOAD = '{"b":1.00,"a":123456789012345678901234567890,"b":"\\ud800 é","a" : []}'


async def test_a_webhook_is_kept_with_its_payload_as_it_was_spelled(
    world: Any,
) -> None:
    events = world.database["webhook_events"]
    topic = world.settings.webhooks_topic

    async with world.ingest():
        for _ in range(2):
            await world.producer.send_and_wait(topic, webhook_event(PAYLOAD))

        async def there() -> bool:
            return await events.count_documents({}) > 0

        await eventually(there, within=30)
        indexes = await events.index_information()

    (event,) = await events.find().to_list()
    assert (event["_id"], event["tier"]) == ("demo/evt_1", "shared")
    assert (event["event_type"], event["entity_id"]) == ("voucher.created", "A")
    assert event["payload"] == PAYLOAD
    assert indexes["ttl_dedicated"]["partialFilterExpression"] == {"tier": "dedicated"}
