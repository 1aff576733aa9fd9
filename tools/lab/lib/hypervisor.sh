# Hypervisors come, go and fail while the lab runs.

HYPERVISOR_PATTERN='^cmp([1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|250)$'

valid_host() { [[ $1 =~ $HYPERVISOR_PATTERN ]] || die "a hypervisor is called cmp1 to cmp250, not '$1'"; }

hosts() { cat "$VAR/hosts" 2>/dev/null || true; }
known_host() { hosts | grep -qx "$1"; }
write_hosts() {
  printf '%s\n' "$@" | grep . | sort -uV >"$VAR/hosts.new" || true
  mv "$VAR/hosts.new" "$VAR/hosts"
}

# The hosts of this lab: those on record, and those asked for.
settle_hosts() {
  local host asked=${LAB_HOSTS:-}
  [ -n "$(hosts)$asked" ] || asked=$DEFAULT_HOSTS
  for host in $asked; do valid_host "$host"; done
  # shellcheck disable=SC2046
  write_hosts $(hosts) $asked
  if [ -n "${LAB_HOSTS:-}" ] && [ "$(hosts | wc -l)" -gt "$(wc -w <<<"$LAB_HOSTS")" ]; then
    say "this lab has more hypervisors than LAB_HOSTS names ($(hosts | tr '\n' ' ')): 'lab hypervisor remove' takes one away"
  fi
}

# in_list HOST...: the names as an SQL list.
in_list() { local list; list=$(printf "'%s'," "$@"); echo "(${list%,})"; }

computes_registered() { [ "$(sql "select count(*) from nova.compute_nodes where deleted=0 and host in $(in_list "$@")")" -ge $# ]; }
computes_mapped() { [ "$(sql "select count(*) from nova_api.host_mappings where host in $(in_list "$@")")" -ge $# ]; }
computes_in_placement() {
  [ "$(sql "select count(distinct p.name) from placement.inventories i join placement.resource_providers p on p.id=i.resource_provider_id where p.name in $(in_list "$@")")" -ge $# ]
}
# A new chassis is a dead agent for neutron, and a server put there fails, until the northbound nb_cfg is next raised; left
# alone that takes up to agent_down_time/2. So raise it until neutron agrees.
agents_alive() {
  local alive_hosts host
  nbctl --wait=sb sync
  alive_hosts=$(api GET network '/v2.0/agents?fields=host&fields=alive' | "$PYTHON" -c '
import json, sys
for a in json.load(sys.stdin)["agents"]:
    if a["alive"]: print(a["host"])') || return 1
  for host in "$@"; do grep -qx "$host" <<<"$alive_hosts" || return 1; done
}

# await_hosts HOST...: a server may be scheduled to each of them when this returns.
await_hosts() {
  local host
  for host in "$@"; do
    await "$START_LIMIT" "nova-compute-$host" "nova-compute record of $host" computes_registered "$host"
    await_nova "compute-$host"
  done
  computes_mapped "$@" || novad discover
  for host in "$@"; do
    await "$START_LIMIT" "nova-compute-$host" "inventory of $host in placement" computes_in_placement "$host"
  done
  await "$START_LIMIT" neutron "living neutron agent for $*" agents_alive "$@"
}

# After the lab was down, nova-compute starts again the servers that were on; some time after it has registered.
await_servers() {
  local end=$((SECONDS + 120)) missing
  while missing=$(servers_missing) && [ -n "$missing" ]; do
    [ "$SECONDS" -lt "$end" ] || { say "not started again: $missing (logs: $LOG/nova-compute-*.log)"; return 0; }
    sleep 0.2
  done
  nbctl --wait=hv sync || say "a hypervisor has not confirmed its flows within 60 s (logs: $LOG/hv-*-controller.log)"
}

# Servers that nova says run, and have no namespace.
servers_missing() {
  local id
  for id in $(sql "select uuid from nova.instances where deleted=0 and vm_state='active' and task_state is null"); do
    [ -e "/run/netns/labvm-${id:0:8}" ] || echo "$id"
  done
}

hypervisor_list() {
  local host name line
  for host in $(hosts); do
    line=$host
    for name in "nova-compute-$host" "hv-$host-ovsdb" "hv-$host-vswitchd" "hv-$host-controller"; do
      if alive "$name"; then line+=" ${name/-$host/}=up"; else line+=" ${name/-$host/}=down"; fi
    done
    echo "$line"
  done
}

hypervisor_add() {
  local host=$1
  write_host_config "$host"
  start_hosts_network "$host"   # before nova-compute, which plugs its servers' interfaces when it starts
  # shellcheck disable=SC2046
  write_hosts $(hosts) "$host"
  start_nova "compute:$host"
  await_hosts "$host"
  say "$host is ready"
}

# Ids of nova-compute's service records on a host.
compute_services() {
  api GET compute "/os-services?binary=nova-compute&host=$1" | "$PYTHON" -c '
import json, sys
for s in json.load(sys.stdin)["services"]: print(s["id"])'
}

hypervisor_remove() {
  local host=$1 count id
  known_host "$host" || die "there is no hypervisor $host: $(hosts | tr '\n' ' ')"
  count=$(api GET compute "/servers?all_tenants=1&host=$host" | "$PYTHON" -c 'import json, sys; print(len(json.load(sys.stdin)["servers"]))')
  [ "$count" = 0 ] || die "$count servers are on $host: migrate or delete them first"
  for id in $(compute_services "$host"); do
    api PUT compute "/os-services/$id" '{"status": "disabled", "disabled_reason": "removed"}' >/dev/null
  done
  stop_daemons 10 "nova-compute-$host" "hv-$host-controller"
  for id in $(compute_services "$host"); do api DELETE compute "/os-services/$id"; done   # its provider and mapping go with it
  sbctl -- --if-exists chassis-del "$host"
  for id in $(agents_of "$host"); do api DELETE network "/v2.0/agents/$id"; done   # neutron keeps a vanished chassis as a dead agent
  stop_daemons 5 "hv-$host-vswitchd" "hv-$host-ovsdb"
  drop_ns "lab-$host"
  rm -rf --one-file-system "${RUN:?}/hv/$host" "${VAR:?}/nova/$host" "$ETC/nova-$host.conf"
  # shellcheck disable=SC2046
  write_hosts $(hosts | grep -vx "$host")
  say "$host is removed"
}

agents_of() {
  api GET network /v2.0/agents | "$PYTHON" -c '
import json, sys
for a in json.load(sys.stdin)["agents"]:
    if sys.argv[1] in (a["host"], a["id"]): print(a["id"])' "$1"
}

# A power cut: daemons and servers' programs are gone at once, what the switch knew is lost. "add" or "up" brings it back.
hypervisor_fail() {
  local host=$1 dir
  known_host "$host" || die "there is no hypervisor $host: $(hosts | tr '\n' ' ')"
  stop_daemons 0 "nova-compute-$host" "hv-$host-controller" "hv-$host-vswitchd" "hv-$host-ovsdb"
  ip -n "lab-$host" link set u0 down 2>/dev/null || true
  for dir in $(servers_on "$host"); do
    "$LAB_HOME/nova/guest" kill "$(basename "$dir")"
    drop_ns "labvm-$(basename "$dir" | cut -c1-8)"
  done
  rm -rf --one-file-system "${RUN:?}/hv/$host"
  say "$host has failed"
}

# Directories of the servers on a host.
servers_on() {
  grep -ls "\"host\": \"$1\"" "$VAR"/servers/*/instance.json | xargs -r -n 1 dirname || true
}
