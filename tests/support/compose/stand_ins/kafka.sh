#!/bin/sh
# Start the broker as Apache Kafka's image does: its wrapper writes the settings from the environment and formats the
# log folder. A folder that is formatted already is no fault.
set -eu
export CLUSTER_ID="${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}"
if ! output=$(java -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker \
    --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1); then
    echo "$output"
    echo "$output" | grep -q 'already formatted'
fi
exec java $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties
