"""Who the node is, and the events of its life."""

import dataclasses

from clusters.basic_information import BasicInformationServer
from clusters.definitions.basic_information import BasicInformation
from matter_node.commissioning.device_info import DeviceInfo

INFO = DeviceInfo(0xFFF1, "Vendor", 0x8000, "Hub", "unique")
OPTIONAL = ("manufacturing_date", "part_number", "product_url", "product_label", "serial_number")


def test_the_product_speaks_of_itself(node):
    basic = node.basic
    assert (basic.vendor_id, basic.product_id, basic.vendor_name) == (0xFFF1, 0x8000, "Vendor")
    assert (basic.data_model_revision, basic.specification_version) == (19, 0x01040200)
    assert basic.capability_minima.case_sessions_per_fabric >= 3
    assert basic.capability_minima.subscriptions_per_fabric >= 3
    assert basic.max_paths_per_invoke >= 1
    assert basic.serial_number == "S-1"


def test_what_a_product_does_not_tell_is_not_there():
    plain = BasicInformationServer(INFO)
    assert not any(plain.has(getattr(BasicInformation, name)) for name in OPTIONAL)
    full = BasicInformationServer(
        dataclasses.replace(
            INFO,
            manufacturing_date="20260101",
            part_number="P",
            product_url="https://example.org",
            product_label="L",
            serial_number="S",
        )
    )
    assert all(full.has(getattr(BasicInformation, name)) for name in OPTIONAL)


def test_the_name_that_a_user_gave_survives(node, authority):
    administrator = node.commission(authority)
    node.basic.write(BasicInformation.node_label, administrator, "Cellar")
    node.basic.write(BasicInformation.location, administrator, "DE")
    again = node.restarted().basic
    assert (again.node_label, again.location) == ("Cellar", "DE")


def test_the_provisional_configuration_version_is_not_served(node):
    assert not node.basic.has(BasicInformation.configuration_version)
    node.basic.configuration_changed()
    assert BasicInformation.configuration_version.id not in node.basic.shape.attributes


def test_events_of_a_life(node):
    node.basic.record_start_up()
    node.basic.record_leave(2)
    node.basic.record_shut_down()
    assert [event.software_version for event in node.events(BasicInformation.start_up)] == [7]
    assert [event.fabric_index for event in node.events(BasicInformation.leave)] == [2]
    assert node.events(BasicInformation.shut_down) == [None]
