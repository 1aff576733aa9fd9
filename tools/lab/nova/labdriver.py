"""nova's driver for the lab: a server is a network namespace on a real data plane.

It tracks servers as nova's fake driver does, on hosts of a fixed size. Beyond that, each interface is a veth in the
server's namespace, plugged into the host's br-int and bound by a real ovn-controller, and the server's program runs while
the server is powered on. An interface that cannot be plugged fails the operation. A nova-compute that restarts finds its
servers running; after the lab was down, servers that were on are plugged and started again, as after a power cut.
"""
import nova.conf
from nova.compute import power_state
from nova.virt import fake

import labserver

CONF = nova.conf.CONF


class LabDriver(fake.FakeDriver):
    vcpus, memory_mb, local_gb = 32, 131072, 4000

    def _track(self, name, uuid, state, size):
        if uuid not in self.instances:
            vcpus, memory, disk = size
            self.resources.claim(vcpus=vcpus, mem=memory, disk=disk)
            self.instances[uuid] = fake.FakeInstance(name, state, uuid)

    def _track_instance(self, instance, state):
        flavor = instance.flavor
        self._track(instance.name, instance.uuid, state, (flavor.vcpus, flavor.memory_mb, flavor.root_gb))

    def _boot(self, instance, network_info, on=True):
        labserver.plug(CONF.host, instance, network_info)
        labserver.note(CONF.host, instance, on, network_info)
        if on:
            labserver.guest('start', instance.uuid)
        else:
            labserver.vif('down', CONF.host, instance, network_info)

    # The host starts.

    def init_host(self, host):
        super().init_host(host)
        for server in labserver.known():
            if server['host'] == host and labserver.has_namespace(server['uuid']):
                state = power_state.RUNNING if server['on'] else power_state.SHUTDOWN
                self._track(server['libname'], server['uuid'], state,
                            (server['vcpus'], server['ram_mb'], server['disk_gb']))

    def resume_state_on_host_boot(self, context, instance, network_info, block_device_info=None):
        self._track_instance(instance, power_state.RUNNING)
        self._boot(instance, network_info)

    # The life of a server.

    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations, network_info=None,
              block_device_info=None, power_on=True, **more):
        super().spawn(context, instance, image_meta, injected_files, admin_password, allocations,
                      network_info=network_info, block_device_info=block_device_info, power_on=power_on, **more)
        if network_info is not None:   # without, the fake driver only wants a moved server tracked
            labserver.guest('stop', instance.uuid)
            self._boot(instance, network_info, power_on)

    def destroy(self, context, instance, network_info, *args, **more):
        if labserver.read(instance.uuid).get('host', CONF.host) == CONF.host:
            labserver.guest('stop', instance.uuid)
            labserver.vif('del', CONF.host, instance, network_info)
            labserver.forget(instance.uuid)
        else:   # it lives on another host by now: only our end of its cables goes
            labserver.vif('unplug', CONF.host, instance, network_info)
        super().destroy(context, instance, network_info, *args, **more)

    def power_off(self, instance, *args, **more):
        self._track_instance(instance, power_state.RUNNING)
        super().power_off(instance, *args, **more)
        labserver.guest('stop', instance.uuid)
        labserver.vif('down', CONF.host, instance, instance.get_network_info())
        labserver.note(CONF.host, instance, False)

    def power_on(self, context, instance, network_info, *args, **more):
        self._track_instance(instance, power_state.SHUTDOWN)
        super().power_on(context, instance, network_info, *args, **more)
        self._boot(instance, network_info)

    def reboot(self, context, instance, network_info, reboot_type, *args, **more):
        self._track_instance(instance, power_state.RUNNING)
        labserver.guest('stop', instance.uuid)
        super().reboot(context, instance, network_info, reboot_type, *args, **more)   # ends in power_on

    def attach_interface(self, context, instance, image_meta, vif):
        labserver.plug(CONF.host, instance, [vif])

    def detach_interface(self, context, instance, vif):
        labserver.vif('unplug', CONF.host, instance, [vif])

    # Moves: the namespace stays where it is, its cables change the host.

    def migrate_disk_and_power_off(self, context, instance, dest, flavor, network_info, *args, **more):
        labserver.guest('stop', instance.uuid)
        labserver.vif('unplug', CONF.host, instance, network_info)
        return super().migrate_disk_and_power_off(context, instance, dest, flavor, network_info, *args, **more)

    def finish_migration(self, context, migration, instance, disk_info, network_info, image_meta, resize_instance,
                         allocations, block_device_info=None, power_on=True):
        super().finish_migration(context, migration, instance, disk_info, network_info, image_meta, resize_instance,
                                 allocations, block_device_info, power_on)
        self._boot(instance, network_info, power_on)

    def confirm_migration(self, context, migration, instance, network_info):
        if migration.source_compute != migration.dest_compute:
            super().destroy(context, instance, network_info)

    def finish_revert_migration(self, context, instance, network_info, migration, block_device_info=None, power_on=True):
        super().finish_revert_migration(context, instance, network_info, migration, block_device_info, power_on)
        self._boot(instance, network_info, power_on)

    def post_live_migration(self, context, instance, block_device_info, migrate_data=None):
        super().destroy(context, instance, None)   # no longer tracked here; its program runs on

    def post_live_migration_at_source(self, context, instance, network_info):
        labserver.vif('unplug', CONF.host, instance, network_info)

    def post_live_migration_at_destination(self, context, instance, network_info, *args, **more):
        super().post_live_migration_at_destination(context, instance, network_info, *args, **more)
        labserver.plug(CONF.host, instance, network_info)
        labserver.note(CONF.host, instance, True, network_info)
