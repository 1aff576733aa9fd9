# Settings every part of the lab shares: where things are, which ports, which names.
# Only LAB_* and XDG_* of the caller's environment are read; everything else is fixed, because one machine holds one lab.

STATE=${LAB_STATE:-${XDG_STATE_HOME:-${HOME:-/root}/.local/state}/lowlayer/lab}
CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lowlayer/lab}
MAX_STATE_PATH=70   # a unix socket path ends at 107 bytes and the longest below STATE takes 35

VAR=$STATE/var      # the running lab: databases, sockets, logs; "reset" and "purge" remove it
RUN=$VAR/run
LOG=$VAR/log
ETC=$VAR/etc
CLOUDS=$STATE/clouds.yaml
INSTALL_LOG=$STATE/install.log
LOCK=/run/lock/lowlayer-lab.lock
OWNER=/run/lowlayer-lab.owner   # which state directory holds this machine's lab

KEYSTONE_PORT=5000 PLACEMENT_PORT=8778 NOVA_PORT=8774 NEUTRON_PORT=9696 GLANCE_PORT=9292
# Below the range that the kernel takes ports for outgoing connections from, so that none of those is in the way.
RABBIT_PORT=25672 RABBIT_DIST_PORT=25673 EPMD_PORT=24369 MEMCACHED_PORT=31211
OVN_NB_PORT=6641 OVN_SB_PORT=6642
KEYSTONE_URL=http://127.0.0.1:$KEYSTONE_PORT/v3
PASSWORD=labpass    # loopback only; printed in clouds.yaml

MYSQL_SOCKET=$RUN/mysql.sock
OVN_NB_SOCKET=$RUN/ovnnb.sock
OVN_SB_SOCKET=$RUN/ovnsb.sock
PYTHON=/usr/bin/python3   # Debian's, whatever the caller's PATH says: the OpenStack modules are its dist-packages

DEFAULT_HOSTS="cmp1 cmp2"
START_LIMIT=${LAB_START_LIMIT:-300}   # seconds a daemon may take to answer on a busy machine

export LC_ALL=C.UTF-8 LAB_STATE=$STATE LAB_VAR=$VAR
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONPYCACHEPREFIX=$CACHE/pycache PYTHONWARNINGS=ignore   # neither the tree nor /usr gets compiled files
unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE OVS_RUNDIR OVN_RUNDIR
