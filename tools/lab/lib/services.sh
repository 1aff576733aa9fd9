# The OpenStack daemons.

# answers PORT: there is an HTTP answer, whatever its status.
answers() { curl -s -o /dev/null --noproxy '*' -m 5 "http://127.0.0.1:$1/"; }
await_http() { await "$START_LIMIT" "$1" "an HTTP answer of $1 on port $2" answers "$2"; }

# wsgi NAME PORT FILE ENV...: "Connection: close", because uwsgi drops kept-alive connections without announcing it and
# clients then fail with "connection reset by peer".
wsgi() {
  local name=$1 port=$2 file=$3 e options=()
  shift 3
  for e in "$@"; do options+=(--env "$e"); done
  launch "$name" uwsgi --plugin python3 --http-socket "127.0.0.1:$port" --buffer-size 65535 --need-app --single-interpreter \
    --enable-threads --threads 8 --die-on-term --disable-logging --add-header 'Connection: close' --wsgi-file "$file" "${options[@]}"
}

start_keystone() {
  wsgi keystone "$KEYSTONE_PORT" /usr/bin/keystone-wsgi-public \
    "OS_KEYSTONE_CONFIG_DIR=$ETC/keystone" "OS_KEYSTONE_CONFIG_FILES=$ETC/keystone/keystone.conf"
}
start_placement() { wsgi placement "$PLACEMENT_PORT" /usr/bin/placement-api "OS_PLACEMENT_CONFIG_DIR=$ETC/placement"; }
start_glance() { launch glance "$PYTHON" "$SCRIPTS/usr/bin/glance-api" --config-file "$ETC/glance-api.conf"; }
start_neutron() {
  launch neutron "$PYTHON" "$SCRIPTS/usr/bin/neutron-server" --config-file "$ETC/neutron.conf" --config-file "$ETC/ml2_conf.ini"
}

# Every nova service is forked by one process that has imported nova once (nova/novad.py); it is asked over a socket.
start_novad() {
  alive novad || rm -f "$RUN/novad.sock"
  launch novad env PYTHONPATH="$LAB_HOME/nova" "$PYTHON" "$LAB_HOME/nova/novad.py" "$ETC" "$RUN" "$LOG"
}
await_novad() { await "$START_LIMIT" novad "a socket of novad" test -S "$RUN/novad.sock"; }
novad() { "$PYTHON" "$LAB_HOME/nova/ask.py" "$RUN/novad.sock" "$@" || die_log "$LOG/novad.log" "novad could not do: $*"; }

# start_nova SERVICE...: api, conductor, scheduler or compute:HOST. A nova-compute goes last: it starts its servers again
# first thing, and those go to ERROR for good when neutron does not answer by then.
start_nova() {
  local service missing=()
  for service in "$@"; do
    alive "nova-${service/:/-}" && continue
    kill_sessions "nova-${service/:/-}"
    missing+=("$service")
  done
  [ ${#missing[@]} -eq 0 ] || novad "${missing[@]}"
}

# Until nova services (conductor, scheduler, compute-HOST) take requests.
await_nova() {
  local service
  for service in "$@"; do
    await "$START_LIMIT" "nova-$service" "start of nova-$service" test -e "$RUN/nova-$service.ready"
  done
}

api() { "$PYTHON" "$LAB_HOME/lib/labapi.py" "$CLOUDS" lab "$@"; }
