"""Matter devices by way of a Matter server: the WebSocket API of python-matter-server and its successors.

A Matter server is a controller that other programs use, such as the one beside Home Assistant. It holds the
fabric and the sessions; what is here only asks it. Source: https://github.com/home-assistant-libs/python-matter-server,
`docs/websockets_api.md` and the behaviour of release 7.0.1.
"""
