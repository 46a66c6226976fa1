"""A client as anybody writes it from the old proxy's description: `pika`, and nothing of this project.

Sends `crm.deal.list` requests (headers `method`, `user`, `token`; property `message_id`; content type text/json; the
parameters as a JSON body) and waits for as many answers. By hand:

    python tests/e2e/stranger.py --url amqp://guest:guest@127.0.0.1:5672/ --count 100

prints one JSON object a line for each answer, `{"message_id", "content_type", "body"}`, and a summary to stderr.
Exit code: 0 = as many answers as requests, 1 = not in time.
"""

import argparse
import json
import sys
import time
import uuid
from typing import Any

import pika


def main() -> int:
    given = arguments()
    connection = pika.BlockingConnection(pika.URLParameters(given.url))
    channel = connection.channel()
    channel.queue_declare(given.queue_in, durable=True)
    channel.queue_declare(given.queue_out, durable=True)
    channel.confirm_delivery()

    sent = []
    for number in range(given.count):
        message_id = f"{number}-{uuid.uuid4()}"
        channel.basic_publish(
            exchange="",
            routing_key=given.queue_in,
            body=json.dumps({"filter": {"%TITLE": f"Deal {number}"}, "select": ["ID", "TITLE"]}).encode(),
            properties=pika.BasicProperties(
                content_type="text/json",
                message_id=message_id,
                headers={"method": "crm.deal.list", "user": given.user, "token": given.token},
            ),
        )
        sent.append(message_id)

    answers = 0
    started = time.monotonic()
    for method, properties, body in channel.consume(given.queue_out, inactivity_timeout=1):
        if method is not None:
            show(properties, body)
            channel.basic_ack(method.delivery_tag)
            answers += properties.message_id in sent
        if answers == given.count or time.monotonic() - started > given.timeout:
            break
    channel.cancel()
    connection.close()
    print(f"{given.count} sent, {answers} answered in {time.monotonic() - started:.1f} s", file=sys.stderr)
    return 0 if answers == given.count else 1


def show(properties: Any, body: bytes) -> None:
    answer = {
        "message_id": properties.message_id,
        "content_type": properties.content_type,
        "body": body.decode(),
    }
    print(json.dumps(answer))


def arguments() -> argparse.Namespace:
    line = argparse.ArgumentParser(description="Sends crm.deal.list requests through RabbitMQ, prints the answers.")
    line.add_argument("--url", default="amqp://guest:guest@127.0.0.1:5672/", help="RabbitMQ (default %(default)s)")
    line.add_argument("--in", dest="queue_in", default="bitrix24in", help="queue for requests (default %(default)s)")
    line.add_argument("--out", dest="queue_out", default="bitrix24out", help="queue of answers (default %(default)s)")
    line.add_argument("--user", default="1", help="user in the webhook's address (default %(default)s)")
    line.add_argument("--token", default="sandbox", help="token in the webhook's address (default %(default)s)")
    line.add_argument("--count", type=int, default=100, help="requests to send (default %(default)s)")
    line.add_argument("--timeout", type=float, default=120, help="seconds to wait (default %(default)s)")
    return line.parse_args()


if __name__ == "__main__":
    sys.exit(main())
