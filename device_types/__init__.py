"""What a device is made of: endpoints composed of clusters, with handles for plain measured values."""
