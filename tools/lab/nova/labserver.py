"""The lab's side of a server: its directory, its network interfaces and the program that runs in it.

A server is the network namespace labvm-<first 8 of its id>. Its directory LAB_VAR/servers/<id> holds instance.json (what
the lab knows of it), user_data, config/ (the tree nova would put on a config drive) and etc/ (hostname, hosts and
resolv.conf as the server's program sees them).
"""
import base64
import json
import os
import shutil
import subprocess

from nova import exception
from nova.api.metadata import base as metadata
from oslo_log import log as logging

LOG = logging.getLogger(__name__)
HERE = os.path.dirname(os.path.abspath(__file__))
SERVERS = os.path.join(os.environ['LAB_VAR'], 'servers')


def directory(uuid):
    return os.path.join(SERVERS, uuid)


def namespace(uuid):
    return 'labvm-' + uuid[:8]


def read(uuid):
    """instance.json, or nothing."""
    try:
        with open(os.path.join(directory(uuid), 'instance.json')) as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def known():
    """instance.json of every server the lab has."""
    try:
        uuids = os.listdir(SERVERS)
    except FileNotFoundError:
        return []
    return [s for s in map(read, uuids) if s]


def has_namespace(uuid):
    return os.path.exists('/run/netns/' + namespace(uuid))


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        LOG.error('%s: status %s: %s%s', ' '.join(command), done.returncode, done.stdout, done.stderr)
    return done.returncode == 0


def _write(uuid, name, data):
    path = os.path.join(directory(uuid), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.new', 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    os.rename(path + '.new', path)


def vif(verb, host, instance, network_info):
    """vif VERB for each interface; True when all went well."""
    good = True
    for nic in network_info or []:
        addresses, gateway = [], '-'
        for subnet in nic['network']['subnets']:
            prefix = subnet['cidr'].split('/')[1]
            addresses += ['%s/%s' % (ip['address'], prefix) for ip in subnet['ips']]
            gateway = (subnet.get('gateway') or {}).get('address') or gateway
        good &= _run(os.path.join(HERE, 'vif'), verb, host, instance.uuid, nic['id'], nic['address'],
                     ','.join(addresses) or '-', gateway)
    return good


def plug(host, instance, network_info):
    if not vif('add', host, instance, network_info):
        raise exception.VirtualInterfacePlugException()


def guest(verb, uuid):
    if os.path.isdir(directory(uuid)):
        _run(os.path.join(HERE, 'guest'), verb, uuid)


def forget(uuid):
    guest('stop', uuid)
    shutil.rmtree(directory(uuid), ignore_errors=True)


def note(host, instance, on, network_info=None):
    """Write what is known of a server; without network_info, what it said of the interfaces before stays."""
    flavor = instance.flavor
    if network_info is None:
        nics = read(instance.uuid).get('nics', [])
    else:
        nics = [_nic(nic) for nic in network_info]
        _write_files(instance, nics, network_info)
    _write(instance.uuid, 'instance.json', json.dumps({
        'uuid': instance.uuid, 'name': instance.display_name, 'libname': instance.name, 'hostname': instance.hostname,
        'host': host, 'on': on, 'netns': namespace(instance.uuid), 'project_id': instance.project_id,
        'user_id': instance.user_id, 'metadata': dict(instance.metadata or {}), 'image': instance.image_ref,
        'key': instance.key_data, 'flavor': flavor.name, 'vcpus': flavor.vcpus, 'ram_mb': flavor.memory_mb,
        'disk_gb': flavor.root_gb, 'nics': nics}, indent=1))


def _nic(nic):
    ips = [{'ip': ip['address'], 'cidr': subnet['cidr'], 'gateway': (subnet.get('gateway') or {}).get('address')}
           for subnet in nic['network']['subnets'] for ip in subnet['ips']]
    return {'port': nic['id'], 'mac': nic['address'], 'network': nic['network']['id'],
            'network_name': nic['network'].get('label'), 'ips': ips}


def _write_files(instance, nics, network_info):
    name = instance.hostname or instance.uuid
    hosts = ['127.0.0.1 localhost'] + ['%s %s' % (ip['ip'], name) for nic in nics for ip in nic['ips']]
    resolvers = dict.fromkeys(dns['address'] for nic in network_info for subnet in nic['network']['subnets']
                              for dns in subnet.get('dns') or [])
    _write(instance.uuid, 'etc/hostname', name + '\n')
    _write(instance.uuid, 'etc/hosts', '\n'.join(hosts) + '\n')
    _write(instance.uuid, 'etc/resolv.conf', ''.join('nameserver %s\n' % r for r in resolvers))   # none: lookups fail at once
    _write(instance.uuid, 'user_data', base64.b64decode(instance.user_data) if instance.user_data else b'')
    drive = metadata.InstanceMetadata(instance, network_info=network_info).metadata_for_config_drive()
    for path, value in drive:
        if '/latest/' in path:
            _write(instance.uuid, os.path.join('config', path), value)
