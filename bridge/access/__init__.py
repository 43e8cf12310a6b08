"""Who may do what with the hub: accounts, sessions, module credentials, throttling and the audit trail.

It knows no HTTP: the API, the web page and the command line all ask here.
"""
