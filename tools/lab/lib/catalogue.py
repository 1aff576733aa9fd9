"""catalogue.py CLOUDS_YAML PASSWORD NAME=TYPE=URL...: the service user and the services' entries in keystone.

Repeatable: what is there already stays. keystone's own entry, the admin and the roles admin, member and reader come from
its bootstrap.
"""
import sys
import urllib.parse

import labapi


def ensure(cloud, kind, body, **query):
    """The id of the object found by query, created from body if there is none."""
    one = kind[:-1]
    found = cloud.get('identity', '/%s?%s' % (kind, urllib.parse.urlencode(query)))[kind]
    if found:
        return found[0]['id']
    return cloud.post('identity', '/' + kind, {one: dict(query, **body)})[one]['id']


def grant(cloud, project, user, role):
    cloud.put('identity', '/projects/%s/users/%s/roles/%s' % (project, user, role), None)


def main(clouds, password, *services):
    cloud = labapi.Cloud(clouds, 'lab')
    roles = {name: ensure(cloud, 'roles', {}, name=name) for name in ('admin', 'member', 'service')}
    project = ensure(cloud, 'projects', {}, name='service', domain_id='default')
    user = ensure(cloud, 'users', {'password': password, 'default_project_id': project}, name='svc', domain_id='default')
    for role in ('admin', 'service'):
        grant(cloud, project, user, roles[role])
    admin = cloud.get('identity', '/users?name=admin&domain_id=default')['users'][0]['id']
    home = cloud.get('identity', '/projects?name=admin&domain_id=default')['projects'][0]['id']
    grant(cloud, home, admin, roles['member'])
    for service in services:
        name, kind, url = service.split('=', 2)
        owner = ensure(cloud, 'services', {'name': name}, type=kind)
        for interface in ('public', 'internal', 'admin'):
            ensure(cloud, 'endpoints', {'url': url, 'region_id': 'RegionOne'}, service_id=owner, interface=interface)


if __name__ == '__main__':
    main(*sys.argv[1:])
