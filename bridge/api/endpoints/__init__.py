"""The API's operations, a module an endpoint; `bridge.api.router` says which path is whose."""
