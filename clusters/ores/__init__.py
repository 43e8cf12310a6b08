"""The project's own clusters: what energy modules and their hub say and take beyond the standard clusters.

Each cluster is two modules, its definition and its server:

| cluster | on | definition | server |
|---|---|---|---|
| Module | every bridged module | `module` | `module_server` |
| Microinverter | producers | `microinverter` | `microinverter_server` |
| EnergyStorage | batteries | `energy_storage` | `energy_storage_server` |
| Hub | the aggregator | `hub` | `hub_server` |

In a definition every element is followed by a string that says what it means. `scripts/document_clusters.py`
writes the specification, the ZAP file and the matter.js module from them, and refuses an element without one.

Powers and energies are positive into a device and negative out of it, as everywhere, but for what is named a
limit, a rating or a produced energy: that is a magnitude.
"""
