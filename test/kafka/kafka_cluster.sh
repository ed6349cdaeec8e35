#!/usr/bin/env bash
# A throw-away Apache Kafka cluster (KRaft, combined broker + controller nodes) on 127.0.0.1, for tests.
#   kafka_cluster.sh fetch DIR        download the jars that pom.xml names into DIR/jars
#   kafka_cluster.sh start DIR N      format and start nodes 1..N, wait until ready, print bootstrap.servers
#   kafka_cluster.sh stop DIR         stop every node; the data stay
#   kafka_cluster.sh kill DIR I       kill -9 node I
#   kafka_cluster.sh restart DIR [I]  stop node I (or all) if running, start on the old data, wait until ready
# Settings, from the environment (PORT, SECURE and EXTRA count at start):
#   KAFKA_JARS      where the jars are (DIR/jars)
#   KAFKA_VERSION   the version to fetch, in place of pom.xml's
#   KAFKA_PORT      node I listens on PORT+I, its controller on PORT+10+I (19090)
#   KAFKA_SECURE=1  listen also with SASL_PLAINTEXT on PORT+20+I, SSL on PORT+30+I, SASL_SSL on PORT+40+I;
#                   user alice, password alice-secret, by PLAIN or SCRAM-SHA-256; clients trust DIR/ca.pem
#   KAFKA_NAME      the host name in the made certificate, in place of 127.0.0.1 and localhost
#   KAFKA_EXTRA     a file of further broker properties: the last setting wins, @NODE@ stands for I
#   KAFKA_JVM       JVM options; the defaults start fast, but without -XX:TieredStopAtLevel=1 TLS is ten times faster
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=${KAFKA_PORT:-19090}
jvm=${KAFKA_JVM:--Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError}

die() { echo "kafka_cluster: $*" >&2; exit 1; }

die_of() { grep -E -m 5 'ERROR|Exception' "$1" >&2 || tail "$1" >&2; die "see $1"; } # LOG

run_java() { # CLASS ARGUMENT...: in a session of its own, in place of this subshell
  # shellcheck disable=SC2086
  exec setsid java $jvm -Dorg.slf4j.simpleLogger.showDateTime=true \
    -Dorg.slf4j.simpleLogger.dateTimeFormat='yyyy-MM-dd HH:mm:ss.SSS' -cp "$jars/*" "$@"
}

running() { # NODE: a zombie, or a stranger that got the old pid, does not count
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) || return 1
  { tr '\0' '\n' <"/proc/$pid/cmdline" | grep -xqF "$1/server.properties"; } 2>/dev/null
}

end() { # SIGNAL SECONDS NODE...: false if one still runs after that time
  local signal=$1 deadline=$((SECONDS + $2)) node
  shift 2
  for node; do ! running "$node" || kill "-$signal" "$(cat "$node/pid")" || true; done
  for node; do
    while running "$node"; do [ $SECONDS -lt $deadline ] || return 1; sleep 0.1; done
    rm -f "$node/pid"
  done
}

stop() { # NODE...: of all the nodes, the last has no quorum left to end a clean stop with; hence the kill
  end TERM 3 "$@" || end KILL 5 "$@" || die "cannot stop $*"
}

launch() { # NODE...: start all and wait until all are ready, or leave none running
  local node deadline=$((SECONDS + 60))
  starting=("$@")
  trap 'trap - EXIT; stop "${starting[@]}"' EXIT
  for node; do
    [ ! -e "$node/server.log" ] || mv -f "$node/server.log" "$node/server.previous.log"
    run_java kafka.Kafka "$node/server.properties" </dev/null &>"$node/server.log" &
    echo $! >"$node/pid"
    disown # else bash tells of its end
  done
  for node; do # the line says that the node has joined the quorum and that its broker is unfenced
    until grep -qs 'Kafka Server started' "$node/server.log"; do
      kill -0 "$(cat "$node/pid")" 2>/dev/null || die_of "$node/server.log"
      [ $SECONDS -lt $deadline ] || die "$node is not ready, see $node/server.log"
      sleep 0.1
    done
  done
  trap - EXIT
}

make_certificate() { # one self-signed certificate for all nodes
  local store=(-alias broker -keystore "$dir/broker.p12" -storetype PKCS12 -storepass changeit)
  local names=ip:127.0.0.1,dns:localhost
  [ -z "${KAFKA_NAME:-}" ] || names=dns:$KAFKA_NAME
  keytool -genkeypair "${store[@]}" -keyalg RSA -dname CN="${KAFKA_NAME:-localhost}" -ext SAN="$names"
  keytool -exportcert "${store[@]}" -rfc -file "$dir/ca.pem"
}

write_properties() { # I N
  local i=$1 copies=1 in_sync=1 voters='' listeners='' kind v login=org.apache.kafka.common.security
  local kinds=([0]=PLAINTEXT [1]=CONTROLLER) # ten times its place here is a kind's port offset
  [ -z "${KAFKA_SECURE:-}" ] || kinds+=([2]=SASL_PLAINTEXT [3]=SSL [4]=SASL_SSL)
  for kind in "${!kinds[@]}"; do listeners+=${listeners:+,}${kinds[kind]}://127.0.0.1:$((port + 10 * kind + i)); done
  for ((v = 1; v <= $2; v++)); do voters+=${voters:+,}$v@127.0.0.1:$((port + 10 + v)); done
  [ "$2" -lt 3 ] || { copies=3; in_sync=2; }
  printf '%s\n' process.roles=broker,controller node.id="$i" log.dirs="$dir/node-$i/data" listeners="$listeners" \
    inter.broker.listener.name=PLAINTEXT controller.listener.names=CONTROLLER controller.quorum.voters="$voters" \
    listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL \
    default.replication.factor=$copies min.insync.replicas=$in_sync auto.create.topics.enable=false \
    offsets.topic.replication.factor=$copies offsets.topic.num.partitions=4 group.initial.rebalance.delay.ms=0 \
    transaction.state.log.{replication.factor=$copies,min.isr=$in_sync,num.partitions=4} \
    broker.heartbeat.interval.ms=500 broker.session.timeout.ms=3000 log.cleaner.dedupe.buffer.size=8388608 \
    log.initial.task.delay.ms=500 log.retention.check.interval.ms=1000 log.segment.delete.delay.ms=1000 \
    num.network.threads=2 num.io.threads=4
  if [ -n "${KAFKA_SECURE:-}" ]; then
    printf '%s\n' sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256 ssl.keystore.{type=PKCS12,location="$dir/broker.p12",password=changeit}
    for kind in sasl_plaintext sasl_ssl; do
      echo "listener.name.$kind.plain.sasl.jaas.config=$login.plain.PlainLoginModule required user_alice=\"alice-secret\";"
      echo "listener.name.$kind.scram-sha-256.sasl.jaas.config=$login.scram.ScramLoginModule required;"
    done
  fi
  [ -z "${KAFKA_EXTRA:-}" ] || sed "s/@NODE@/$i/g" "$KAFKA_EXTRA"
}

format() { # N
  local i node running=() users=() cluster
  cluster=k$(head -c 15 /dev/urandom | base64 | tr '+/' '-_')A # 22 characters, no leading dash
  [ -z "${KAFKA_SECURE:-}" ] || users=(--add-scram 'SCRAM-SHA-256=[name=alice,password=alice-secret]')
  for ((i = 1; i <= $1; i++)); do
    node=$dir/node-$i
    mkdir "$node"
    write_properties "$i" "$1" >"$node/server.properties"
    run_java kafka.tools.StorageTool format -t "$cluster" -c "$node/server.properties" "${users[@]}" &>"$node/format.log" &
    running[i]=$!
  done
  for i in "${!running[@]}"; do wait "${running[i]}" || die_of "$dir/node-$i/format.log"; done
}

[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command=$1 which=${3:-} # which: I or N
mkdir -p "$2" && dir=$(cd "$2" && pwd)
jars=${KAFKA_JARS:-$dir/jars}
shopt -s nullglob
case $command in
  fetch)
    rm -rf "$dir/jars.new" # jars of two versions must never meet on one class path
    mvn -q -B -C -f "$here/pom.xml" ${KAFKA_VERSION:+"-Dkafka.version=$KAFKA_VERSION"} \
      dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/jars.new"
    rm -rf "$dir/jars" && mv "$dir/jars.new" "$dir/jars" ;;
  start)
    [[ $which =~ ^[1-9]$ ]] || die "the number of nodes must be 1 to 9"
    compgen -G "$jars/kafka_2.13-*.jar" >/dev/null || die "no Kafka in $jars: run fetch first"
    stop "$dir"/node-*
    rm -rf "$dir"/node-* "$dir/broker.p12" "$dir/ca.pem"
    [ -z "${KAFKA_SECURE:-}" ] || make_certificate 2>/dev/null
    format "$which"
    launch "$dir"/node-*
    for ((i = 1; i <= which; i++)); do addresses=${addresses:+$addresses,}127.0.0.1:$((port + i)); done
    echo "$addresses" ;;
  stop) stop "$dir"/node-* ;;
  kill)
    running "$dir/node-$which" || die "node '$which' is not running"
    end KILL 5 "$dir/node-$which" ;;
  restart)
    if [ -n "$which" ]; then nodes=("$dir/node-$which"); else nodes=("$dir"/node-*); fi
    [ -e "${nodes[0]-}/server.properties" ] || die "no node ${which:-at all} in $dir: run start first"
    stop "${nodes[@]}"
    launch "${nodes[@]}" ;;
  *) die "unknown command $command" ;;
esac
