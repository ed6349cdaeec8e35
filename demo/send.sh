#!/bin/sh
# Show an event and send it to the demo's topic: one line is one message.
echo "   $1"
echo "$1" | "$PRODUCE" "$KAFKA_BROKERS" shop >/dev/null
